# The addon: `npm exec -- node-gyp rebuild -C native` makes build/Release/leasefs.node. Node-API 8 and libuv only, so
# one build serves every Node >= 20. With LEASEFS_WERROR in the environment a warning is an error: CI sets it, and the
# newer compiler of a user may warn.
{
  "variables": {
    "warnings": ["-Wall", "-Wextra", "<!(node -p \"process.env.LEASEFS_WERROR ? '-Werror' : '-Wno-error'\")"]
  },
  "targets": [
    {
      "target_name": "leasefs",
      # Not all of it is the daemon's: uring.cc makes the real pins of `doctor`, `demo`, `io` and the tests, and
      # binding.ts lists the few calls of other files that tests alone use.
      "sources": ["<!@(ls -1 src/*.cc)"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_CPP_EXCEPTIONS", "_GNU_SOURCE"],
      "cflags": ["<@(warnings)", "-O2", "-fvisibility=hidden"],
      "cflags_cc": ["-std=c++17", "-fexceptions"],
      # Node closes the library with the Worker that loaded it, while a thread of ours may still be in ioctl(2).
      "ldflags": ["-Wl,-z,nodelete"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions"]
    },
    {
      # Runs CMD of `leasefs run` under its seccomp filter.
      "target_name": "leasefs-launch",
      "type": "executable",
      "sources": ["launch/launch.c"],
      "defines": ["_GNU_SOURCE"],
      "cflags": ["<@(warnings)", "-O2"]
    },
    {
      # Starts the daemon of `leasefs mount --keeper`, and the next one when it dies.
      "target_name": "leasefs-keeper",
      "type": "executable",
      "sources": ["keeper/keeper.c", "keeper/messages.c", "keeper/mount-end.c"],
      "defines": ["_GNU_SOURCE"],
      "cflags": ["<@(warnings)", "-O2"]
    }
  ]
}
