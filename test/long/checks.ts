// What takes minutes: great numbers, and the programs of others that live on a file system. As in test/conformance, a map
// from a sentence to a function over an empty directory, run on tmpfs and on each store. Nothing is fetched.
import { type Check, script } from '../conformance/check.js';
import { type Program, programs } from './programs.js';
import { requests } from './requests.js';
import { shell } from './shell.js';
import { othersSuites } from './suites.js';

const own: Record<string, Check> = {
  'a million files in one directory: each is listed once, found, and removed': script('million-files'),

  'a hundred thousand directories, each in the one before': script('deep-directories'),

  'a hundred thousand open descriptions at once, of a thousand files': script('many-descriptions'),

  'a tree copied by tar and by cp is the same: contents, modes, links, times': dir =>
    shell(
      dir,
      `
tar -C "$TREE" -cf - . | (mkdir a; tar -C a -xpf -)
cp -a "$TREE" b
diff -r --no-dereference "$TREE" a
# GNU tar's own format keeps whole seconds.
list() { (cd "$1"; find . ! -type d -printf "%P %y %m %s %l $2\\n" | sort | sha256sum); }
echo as tar has it; [ "$(list "$TREE" %Ts)" = "$(list a %Ts)" ]
echo as cp has it; [ "$(list "$TREE" %T@)" = "$(list b %T@)" ]
rm -r a b
`,
    ),

  'git: a repository of the tree is committed, cloned, repacked and without a fault': dir =>
    shell(
      dir,
      `
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
cp -r "$TREE" work; find work -name .git -prune -exec rm -rf {} +
git init -q work; cd work
git add -f . 2>/dev/null; git -c user.name=n -c user.email=e commit -qm tree; git gc -q
git clone -q --no-local . ../clone; cd ../clone
git fsck --full --strict; git status --porcelain | (! grep .)
[ "$(git rev-parse HEAD^{tree})" = "$(git -C ../work rev-parse HEAD^{tree})" ]
`,
    ),

  'SQLite with a write-ahead log: four writers and a reader lose nothing, nor when one is killed':
    script('sqlite-writers'),
};

export const checks: Readonly<Record<string, Check | Program>> = {
  ...own,
  ...requests,
  ...programs,
  ...othersSuites,
};
