// Processes beside a test that work with files by leasefs/client, and may wait without holding it up.
import { spawn } from 'node:child_process';
import { timeFactor } from './time-factor.js';

export const LIMIT_MS = 10_000 * timeFactor;
export const clientModule = new URL('../../src/client/index.js', import.meta.url).href;

/** A process of its own, which may wait without holding us up; what it said when it has ended. */
export function run(program: string, ...args: string[]): Promise<string> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  });
  let said = '';
  child.stdout.on('data', data => {
    said += data;
  });
  child.stderr.on('data', data => {
    said += data;
  });
  return new Promise(resolve =>
    child.on('close', status => resolve(status === 0 ? said : `failed: ${said}`)),
  );
}

export const node = (program: string): Promise<string> =>
  run(process.execPath, '--input-type=module', '-e', program);

/** 'ok', or what truncate(2) by another process said. */
export const truncate = (path: string, size: number): Promise<string> =>
  node(`import fs from 'node:fs';
try { fs.truncateSync(${JSON.stringify(path)}, ${size}); process.stdout.write('ok'); }
catch (error) { process.stdout.write(error.code); }`);

/** A process that maps all of a file directly and stays until `kill`, which waits for its end; resolves when it has. */
export async function mapper(path: string, bytes: number): Promise<{ kill(): Promise<void> }> {
  const program = `
import { LeaseFile } from ${JSON.stringify(clientModule)};
const file = LeaseFile.open(${JSON.stringify(path)});
file.setLeaseSync('exclusive,breakable');
const mapping = file.mapDirect(0, ${bytes});
process.stdout.write('mapped');
setInterval(() => mapping, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>(resolve => child.once('exit', () => resolve()));
  const late = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', () => reject(new Error('the mapper ended')));
  });
  clearTimeout(late);
  return {
    kill() {
      child.kill('SIGKILL');
      return gone;
    },
  };
}
