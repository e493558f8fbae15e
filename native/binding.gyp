# The addon: `npm exec -- node-gyp rebuild -C native` makes build/Release/leasefs.node. Node-API 8 and libuv only, so
# one build serves every Node >= 20.
{
  "targets": [
    {
      "target_name": "leasefs",
      "sources": ["<!@(ls -1 src/*.cc)"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_CPP_EXCEPTIONS", "_GNU_SOURCE"],
      "cflags": ["-Wall", "-Wextra", "-O2", "-fvisibility=hidden"],
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
      "cflags": ["-Wall", "-Wextra", "-O2"]
    }
  ]
}
