// `leasefs top`: leases and pins by file as they change, in the manner of top(1).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonText } from './json.js';
import { readMounted } from './mounted-path.js';
import { fit, type Look, type Sort, screen, sorts, topJson, type View } from './top-screen.js';
import { CommandError, errorLine, onlyArgument, parseOptions, UsageError, type Verb } from './verb.js';

const DEFAULT_MS = 1000;
const MIN_MS = 100;
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';

const sortKeys: Readonly<Record<string, Sort>> = { p: 'pins', b: 'breaks', l: 'leases', a: 'age', f: 'path' };

export const verb: Verb = {
  name: 'top',
  summary: 'leases, pins and breaks by file, as they change',
  help: `usage: leasefs top [--once] [--json] [--sort WHAT] [--filter TEXT] [--delay SECONDS] MNT

  --once        print once and end; the default where the output is no terminal
  --json        the same as JSON, once
  --sort WHAT   pins (the default), breaks, leases, age, path
  --filter TEXT only files whose path, owner or kind of lease has it
  --delay S     seconds between two updates, 0.1 or more (default: 1)

  BREAK         time until the next break of the file is forced
  OWNER, KIND   of its oldest lease; STATE: of its leases
                the first of breaking, zombie, held

Keys: q quits, s sorts by the next, p b l a f sort by pins, breaks, leases, age, path
(file), / takes a filter until Enter, Escape drops it.`,

  async run(args) {
    const { values, positionals } = parseOptions(args, {
      once: { type: 'boolean' },
      json: { type: 'boolean' },
      sort: { type: 'string' },
      filter: { type: 'string' },
      delay: { type: 'string' },
    });
    const sort = sorts.find(known => known === (values.sort ?? 'pins'));
    if (sort === undefined) throw new UsageError(`--sort is ${sorts.join(', ')}, not '${values.sort}'`);
    const delay = values.delay === undefined ? DEFAULT_MS : Number(values.delay) * 1000;
    if (!(delay >= MIN_MS && delay < 2 ** 31))
      throw new UsageError(`--delay is 0.1 or more, not '${values.delay}'`);
    const path = onlyArgument(positionals, 'MNT');
    const { mountPoint } = readMounted(path, 'status');
    const view: View = { mountPoint, sort, filter: values.filter ?? '', typing: false };
    if (values.json) {
      console.log(jsonText('top', topJson(look(mountPoint), view)));
      return 0;
    }
    if (values.once || !process.stdout.isTTY || !process.stdin.isTTY) {
      for (const line of screen(look(mountPoint), undefined, view)) console.log(line);
      return 0;
    }
    return new Display(view, delay).run();
  },
};

function look(mountPoint: string): Look {
  const { stats } = JSON.parse(readStats(mountPoint)) as { stats: { events: Record<string, number> } };
  return {
    at: performance.now(),
    status: readMounted(mountPoint, 'status').report,
    leases: readMounted(mountPoint, 'leases').report.leases,
    pins: readMounted(mountPoint, 'pins').report.pins,
    events: stats.events,
  };
}

function readStats(mountPoint: string): string {
  try {
    return readFileSync(join(mountPoint, '.leasefs/stats.json'), 'utf8');
  } catch (error) {
    throw new CommandError(`${mountPoint}: ${errorLine(error)}`);
  }
}

/** The terminal while it is ours. */
class Display {
  private view: View;
  private readonly delay: number;
  private now: Look;
  private before: Look | undefined;
  private done: (code: number) => void = () => {};
  private failed: (why: unknown) => void = () => {};

  constructor(view: View, delay: number) {
    this.view = view;
    this.delay = delay;
    this.now = look(view.mountPoint);
  }

  async run(): Promise<number> {
    const { stdin, stdout } = process;
    const ended = new Promise<number>((resolve, reject) => {
      this.done = resolve;
      this.failed = reject;
    });
    const stop = (): void => this.done(0);
    const draw = (): void => this.draw();
    stdout.write(ENTER);
    stdin.setRawMode(true);
    stdin.on('data', data => this.keys(data.toString('latin1')));
    stdout.on('resize', draw);
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGPIPE'] as const) process.on(signal, stop);
    const timer = setInterval(() => this.again(), this.delay);
    try {
      this.draw();
      return await ended;
    } finally {
      clearInterval(timer);
      stdin.setRawMode(false);
      stdin.pause();
      stdout.off('resize', draw);
      stdout.write(LEAVE);
    }
  }

  private again(): void {
    try {
      this.before = this.now;
      this.now = look(this.view.mountPoint);
      this.draw();
    } catch (error) {
      this.failed(error);
    }
  }

  private draw(): void {
    const { columns = 80, rows = 24 } = process.stdout;
    const lines = fit(screen(this.now, this.before, this.view, columns), columns, rows);
    process.stdout.write(HOME + lines.map(line => line + CLEAR_LINE).join('\n'));
  }

  private keys(text: string): void {
    for (const key of text) {
      if (key === '\x03') this.done(0);
      else if (this.view.typing) this.type(key);
      else this.command(key);
    }
    this.draw();
  }

  private type(key: string): void {
    const { filter } = this.view;
    if (key === '\r') this.view = { ...this.view, typing: false };
    else if (key === '\x1b') this.view = { ...this.view, typing: false, filter: '' };
    else if (key === '\x7f') this.view = { ...this.view, filter: filter.slice(0, -1) };
    else if (key >= ' ') this.view = { ...this.view, filter: filter + key };
  }

  private command(key: string): void {
    const sort = Object.hasOwn(sortKeys, key) ? sortKeys[key] : undefined;
    if (key === 'q') this.done(0);
    else if (key === '/') this.view = { ...this.view, typing: true };
    else if (key === 's')
      this.view = { ...this.view, sort: sorts[(sorts.indexOf(this.view.sort) + 1) % sorts.length]! };
    else if (sort !== undefined) this.view = { ...this.view, sort };
  }
}
