#!/usr/bin/env bash
# Builds the keeper and the addon with AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer (native/build-asan),
# warnings being errors, and runs their tests with them. Needs a compiled tree (npm run build).
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/native/build-asan/leasefs.node
headers=$(node -p "require('path').join(process.execPath, '../../include/node')")
if ! [ -e "$headers/node_api.h" ]; then
  npm exec -c 'node-gyp install --silent'
  headers=$(ls -d "${XDG_CACHE_HOME:-$HOME/.cache}/node-gyp/$(node -p process.versions.node)/include/node")
fi
mkdir -p native/build-asan
rm -f native/build-asan/report.*
flags=(-O1 -g -fno-omit-frame-pointer -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=undefined
  -D_GNU_SOURCE)
gcc "${flags[@]}" native/keeper/*.c -o native/build-asan/leasefs-keeper
# A keeper of a mount writes where no test looks.
reports=log_path=$PWD/native/build-asan/report
LEASEFS_KEEPER=$PWD/native/build-asan/leasefs-keeper ASAN_OPTIONS=detect_leaks=1:$reports \
  UBSAN_OPTIONS=print_stacktrace=1:$reports node dist/test/run.js test/keeper/ cli/keeper \
  e2e/takeover.test e2e/takeover-watches
if cat native/build-asan/report.* 2>/dev/null; then exit 1; fi
g++ -std=c++17 "${flags[@]}" -fPIC -shared -Wl,-z,nodelete \
  -DNAPI_VERSION=8 -DNODE_ADDON_API_CPP_EXCEPTIONS -DBUILDING_NODE_EXTENSION \
  -isystem "$headers" -isystem node_modules/node-addon-api native/src/*.cc -o "$out"
export LEASEFS_ADDON=$out
export LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)"
# A promise that is pending when its Worker ends cannot be settled any more, which alone would free these 8 bytes.
echo leak:napi_create_promise >native/build-asan/suppressions
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=suppressions=$PWD/native/build-asan/suppressions:print_suppressions=0
exec node dist/test/run.js test/native/
