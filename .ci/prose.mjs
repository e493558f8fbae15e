// The words that .github/STYLE.md keeps out of prose and code, with what to write. `npm run lint` runs it.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const WORDS = [
  [/\b(no|some|every)body\b/i, "name the actor: 'no process', 'another process', 'the caller', 'every user'"],
  [/\b(whoever|whomever)\b/i, "name the actor: 'the process that ...'"],
  [/\bwhatever\b/i, "'every', 'any', or the thing itself"],
  [/\bwho asks\b/i, "'the caller'"],
  [/\btold\b/i, "'notified', 'reported', 'given', 'named'"],
  [/\bmeanwhile\b/i, "'concurrently', 'since then', or nothing"],
  [/\bremembered\b/i, "'cached'"],
  [/\bhears? of\b/i, "'is notified of'"],
  [/\bg(ave|iv(e|es|en|ing)) (\w+ ){0,4}back\b/i, "'release', 'return'"],
  [/\bt(ook|ak(e|es|en|ing)) (\w+ ){0,4}(away|back)\b/i, "'free', 'remove', 'clear', 'undo'"],
  [/(^|['`(*] ?|[:;.] )who(m)? (is|was|has|had|asks|waits|forks|reads|holds)\b/i, "'a process that ...'"],
  [/\bbears? (each other|one another)\b/i, "'are compatible'"],
  [/\bin the way\b/i, "'refuses', 'conflicts', or the lease or pin itself"],
  [/\bno news\b/i, "'already known', 'unchanged'"],
  [/\b(he|his|him)\b/i, "'it', 'they'"],
];

/** The lists of the words themselves. */
const EXEMPT = new Set(['.ci/prose.mjs', '.github/STYLE.md', '.ci/words.txt']);

const HELD = ['src', 'native', 'test', 'bench', '.ci', '.github', 'README.md', 'CHANGELOG.md'];
const READ = /\.(ts|mjs|md|c|h|cc|py|sh)$/;
const where = process.argv.length > 2 ? process.argv.slice(2) : HELD;
const files = execFileSync('git', ['ls-files', ...where], { encoding: 'utf8' });
let found = 0;
for (const file of files.trim().split('\n')) {
  if (!READ.test(file) || EXEMPT.has(file) || !existsSync(file)) continue;
  readFileSync(file, 'utf8')
    .split('\n')
    .forEach((line, at) => {
      for (const [word, instead] of WORDS) {
        const hit = word.exec(file.endsWith('.md') ? line.replace(/`[^`]*`/g, '') : line);
        if (hit === null) continue;
        console.error(`${file}:${at + 1}: '${hit[0]}': write ${instead} (.github/STYLE.md)`);
        found++;
      }
    });
}
if (found > 0) console.error(`${found} words that a stranger reads twice`);
process.exitCode = found > 0 ? 1 : 0;
