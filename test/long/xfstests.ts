// xfstests' generic scripts, built beside: what passes on tmpfs must pass on each store. Its `check` believes that it tests
// tmpfs: `mount`, `df` and `findmnt` of a directory in front of PATH put leasefs in its place, so that the scripts choose
// the same in every run, and nothing of theirs is changed.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { shell } from './shell.js';

/** Those for fallocate, punch, zero, mmap, seek, rename, O_DIRECT and fsx. */
const numbers = `
008 023 024 025 029 030 033 062 075 078 080 091 112 213 214 215 228 245 246 248 250 263 285 286 306
312 315 355 375 391 393 436 437 439 443 445 448 469 490 503 567 591 609 647 676 706 736`;
const SCRIPTS =
  process.env.XFSTESTS_SCRIPTS ??
  numbers
    .trim()
    .split(/\s/)
    .map(number => `generic/${number}`)
    .join(' ');

/** Of each mount; some fill it. */
const SIZE = process.env.XFSTESTS_SIZE ?? '4g';

const leasefs = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** They see leasefs only where tmpfs is asked for: a remount is the kernel's own, a mount leasefs's. */
const wrappers: Readonly<Record<string, string>> = {
  mount: `
type= opts= rest=()
all=("$@")
while [ $# -gt 0 ]; do
  case $1 in
    -t) type=$2; shift 2;;
    -o) opts=$opts,$2; shift 2;;
    -o*) opts=$opts,\${1#-o}; shift;;
    *) rest+=("$1"); shift;;
  esac
done
case $type,$opts, in
  tmpfs,*,remount,*) exec /bin/mount -i -o "\${opts#,}" "\${rest[1]}";;
  tmpfs,*) exec "$NODE" "$LEASEFS" mount --store "$STORE" -o "fsname=\${rest[0]}$opts" "\${rest[1]}";;
  *) exec /bin/mount "\${all[@]}";;
esac`,
  df: 'set -o pipefail; /bin/df "$@" | sed "s/fuse.leasefs/tmpfs/"',
  findmnt: `for a; do [ "$a" = tmpfs ] && a=fuse.leasefs; args+=("$a"); done; exec /bin/findmnt "\${args[@]}"`,
};

/** What passed there in this run. */
const onTmpfs: string[] = [];

/** @returns the figures. */
export function xfstests(dir: string, at: string): string {
  const here = mkdtempSync(join(tmpdir(), 'leasefs-xfstests-'));
  // Its users, fsgqa and others, come here too.
  chmodSync(here, 0o755);
  const bin = join(here, 'bin');
  for (const one of [bin, join(here, 't'), join(here, 's')]) mkdirSync(one);
  writeFileSync(
    join(here, 'config'),
    [
      'FSTYP=tmpfs',
      `MOUNT_OPTIONS="-o size=${SIZE}"`,
      `TEST_FS_MOUNT_OPTS="-o size=${SIZE}"`,
      `TEST_DEV=${here}/xt`,
      `TEST_DIR=${here}/t`,
      `SCRATCH_DEV=${here}/xs`,
      `SCRATCH_MNT=${here}/s`,
      `RESULT_BASE=${here}/results`,
    ]
      .map(line => `export ${line}\n`)
      .join(''),
  );
  for (const [name, script] of Object.entries(wrappers)) {
    writeFileSync(join(bin, name), `#!/bin/bash\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  try {
    const said = shell(
      dir,
      `
store=$(sed -n 's/^store //p' ../.leasefs/stats 2>/dev/null || true)
[ -z "$store" ] || export PATH="$BIN:$PATH" STORE="$store"
trap 'umount -l "$HERE"/[st] 2>/dev/null || true' EXIT
cd "$AT"; HOST_OPTIONS=$HERE/config ./check $SCRIPTS >"$HERE/out" 2>&1 || grep -q '^Failures:' "$HERE/out" || { cat "$HERE/out"; exit 1; }
words() { sed -n "s/^$1: *//p" "$HERE/out"; }
echo "\${store:-tmpfs};$(words Ran);$(words 'Not run');$(words Failures)"
`,
      { AT: at, BIN: bin, HERE: here, LEASEFS: leasefs, NODE: process.execPath, SCRIPTS },
    );
    const [store, ...lists] = said.split(';');
    const [ran, absent, failed] = lists.map(list => list.split(' ').filter(word => word !== ''));
    const passed = ran!.filter(name => !absent!.includes(name) && !failed!.includes(name));
    if (store === 'tmpfs') onTmpfs.push(...passed);
    const figure = `${passed.length} passed; failed: ${failed!.join(' ') || 'none'}; did not run: ${absent!.join(' ') || 'none'}`;
    const missed = onTmpfs.filter(name => !passed.includes(name));
    assert.equal(missed, [], `${figure}\nwhat passes on tmpfs: ${missed.join(' ')}`);
    return figure;
  } finally {
    rmSync(here, { recursive: true });
  }
}
