// An ordinary user who means harm: a module's text in a process of its own, with the client library at hand.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { publicModule } from './public-copy.js';
import { timeFactor } from './time-factor.js';

const LIMIT_MS = 120_000 * timeFactor;
/** An unprivileged user that owns nothing. */
export const USER = 65534;

const prelude = (): string => `
import fs from 'node:fs';
import { createRequire } from 'node:module';
const { LeaseFile, readReport } = await import(${JSON.stringify(publicModule('client/index'))});
const [mnt, ...args] = process.argv.slice(1);
const open = (path, flags = fs.constants.O_RDWR | fs.constants.O_CREAT) => LeaseFile.open(path, flags);
/** The errno name of what a call throws, or 'ok'. */
const tried = call => { try { call(); return 'ok'; } catch (error) { return error.code ?? String(error); } };
`;

export interface Ended {
  /** null: by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param uid 0: root. */
export async function hostile(
  mnt: string,
  script: string,
  { uid = USER, args = [] as readonly string[], input = '' } = {},
): Promise<Ended> {
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', `${prelude()}${script}`, mnt, ...args],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      cwd: '/',
      ...(uid === 0 ? {} : { uid, gid: uid }),
    },
  );
  child.stdin.end(input);
  const ended = new Promise<number | null>(resolve => child.on('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, stdout, stderr };
}

/** The same, which must end well; what it printed. */
export async function harmless(...given: Parameters<typeof hostile>): Promise<string> {
  const { code, stdout, stderr } = await hostile(...given);
  if (code !== 0) throw new Error(`exit ${code}: ${stderr}`);
  return stdout;
}
