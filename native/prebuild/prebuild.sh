#!/usr/bin/env bash
# Builds what the npm package carries for each platform, or for the one that is named (x64, arm64), native/prebuilds/linux-ARCH:
# leasefs.node, one for glibc and musl (portable.cc), leasefs-launch and leasefs-keeper, static, with musl. On Debian, with
# the compilers of `packages`; musl comes as Debian's own packages, which are only unpacked (~/.cache/leasefs/musl).
set -euo pipefail
cd "$(dirname "$0")/../.."
packages=(g++ gcc-aarch64-linux-gnu g++-aarch64-linux-gnu)
[ "$(dpkg --print-architecture 2>/dev/null)" = arm64 ] && packages=(g++ gcc-x86-64-linux-gnu g++-x86-64-linux-gnu)
only=${1:-}
case $only in
  x64) machines=(x86_64) ;;
  arm64) machines=(aarch64) ;;
  *) machines=(x86_64 aarch64) ;;
esac

fail() {
  echo "leasefs prebuild: $1" >&2
  exit 1
}

for machine in "${machines[@]}"; do
  for program in "$machine"-linux-gnu-{gcc,g++}; do
    command -v "$program" >/dev/null || fail "$program is missing: apt-get install ${packages[*]}"
  done
done
headers=$(node -p "require('path').join(process.execPath, '../../include/node')")
if ! [ -e "$headers/node_api.h" ]; then
  npm exec -c 'node-gyp install --silent'
  headers=${XDG_CACHE_HOME:-$HOME/.cache}/node-gyp/$(node -p process.versions.node)/include/node
fi
napi=$(node -p "require('node-addon-api').include_dir")

# musl and musl-dev of both architectures, by lists of their own: apt on this machine need not know of another one.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/leasefs/musl
if ! [ -e "$cache/arm64" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work"/{lists/partial,cache/archives/partial,debs} "$cache"
  touch "$work/status"
  cat >"$work/apt.conf" <<END
APT::Architecture "$(dpkg --print-architecture)";
APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "";
Dir::State "$work";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Acquire::Languages "none";
END
  export APT_CONFIG=$work/apt.conf
  apt-get -qq update
  for arch in amd64 arm64; do
    (cd "$work/debs" && apt-get -qq download "musl:$arch" "musl-dev:$arch") || fail "apt-get has no musl for $arch"
    for deb in "$work/debs"/*_"$arch".deb; do dpkg-deb -x "$deb" "$work/$arch"; done
    rm -rf "${cache:?}/$arch"
    mv "$work/$arch" "$cache/$arch"
  done
  unset APT_CONFIG
fi

# symbols_of_musl LIBC
symbols_of_musl() { nm -D --defined-only "$1" | awk '{ print $3 }'; }

# symbols_of_glibc TRIPLE: those that some version up to 2.28 has.
symbols_of_glibc() {
  local libc loader
  libc=$("$1-gcc" -print-file-name=libc.so.6)
  loader=("$(dirname "$(realpath "$libc")")"/ld-linux-*.so.*)
  "$1-objdump" -T "$libc" "${loader[0]}" | awk 'NF > 5 && !/[*]UND[*]/ {
    if (split($(NF - 1), version, /[_.()]+/) == 0) next
    i = version[1] == "" ? 2 : 1
    if (version[i] == "GLIBC" && version[i + 1] == 2 && version[i + 2] <= 28) print $NF
  }'
}

# build ARCH DEBIAN_ARCH TRIPLE
build() {
  local out=native/prebuilds/linux-$1 musl=$cache/$2/usr machine=${3%%-*} flags program symbol lacking
  local libc=$musl/lib/$machine-linux-musl
  rm -rf "$out" && mkdir -p "$out"
  flags=(-O2 -Wall -Wextra -Werror -D_GNU_SOURCE -s)
  # No library is named, so that none is asked for: the process has its libc already.
  "$3-g++" "${flags[@]}" -std=c++17 -fPIC -shared -fvisibility=hidden -ffunction-sections -fdata-sections \
    -fno-gnu-unique -DNAPI_VERSION=8 -DNODE_ADDON_API_CPP_EXCEPTIONS -DBUILDING_NODE_EXTENSION \
    -isystem "$headers" -isystem "$napi" native/src/*.cc native/prebuild/portable.cc -o "$out/leasefs.node" \
    -nodefaultlibs -Wl,-Bstatic -lstdc++ -lgcc_eh -lgcc -Wl,-Bdynamic \
    -Wl,-z,nodelete,-z,relro,-z,now,--gc-sections,--exclude-libs,ALL,--version-script=native/prebuild/exports.map
  # The kernel's headers come last: what musl has is musl's.
  for program in launch keeper; do
    "$3-gcc" "${flags[@]}" -static -nostdinc -nostdlib -isystem "$musl/include/$machine-linux-musl" \
      -isystem "$("$3-gcc" -print-file-name=include)" -idirafter "/usr/$3/include" -idirafter "/usr/include/$3" \
      -idirafter /usr/include -o "$out/leasefs-$program" "$libc"/{crt1,crti}.o native/"$program"/*.c \
      "$libc/libc.a" "$("$3-gcc" -print-libgcc-file-name)" "$libc/crtn.o"
  done

  if readelf -d "$out/leasefs.node" | grep NEEDED; then fail "$out/leasefs.node asks for a library"; fi
  lacking=$(comm -23 <(nm -D --undefined-only "$out/leasefs.node" | awk '$1 == "U" && $2 !~ /^(napi|uv)_/ { print $2 }' | sort) \
    <(comm -12 <(symbols_of_musl "$cache/$2/lib/$machine-linux-musl/libc.so" | sort -u) <(symbols_of_glibc "$3" | sort -u)))
  [ -z "$lacking" ] || fail "not in musl, or not in glibc 2.28: ${lacking//$'\n'/, }; see native/prebuild/portable.cc"
  ls -l "$out"/*
}

[ "$only" = arm64 ] || build x64 amd64 x86_64-linux-gnu
[ "$only" = x64 ] || build arm64 arm64 aarch64-linux-gnu
