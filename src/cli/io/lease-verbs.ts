// The verbs of `leasefs io` on leases and pins.
import { constants } from 'node:os';
import { currentSpelling, isLeaseKind, notAKind } from '../../abi/kinds.js';
import type { IoProcess } from './io-process.js';
import { type IoVerb, OK } from './io-verb.js';

type Signal = keyof typeof constants.signals;

const lease: IoVerb = {
  usage: 'lease [-n] [-s SIGNAL] KIND',
  summary: `take, convert or release; KIND: exclusive or shared, which a
pin needs; exclusive,breakable or shared,breakable; none.
-n: do not wait for a break; -s: get SIGNAL when it is broken`,
  bind(args) {
    const nonblock = args.flag('-n');
    const name = args.option('-s');
    if (name !== undefined && !(name in constants.signals)) args.wrong(`SIGNAL '${name}' is none`);
    const word = args.word('KIND');
    const current = currentSpelling(word);
    if (current !== undefined) console.error(`leasefs io: '${word}' is called '${current}' now`);
    const kind = current ?? word;
    if (!isLeaseKind(kind)) return args.wrong(notAKind(kind));
    args.end();
    return {
      text: `lease ${kind}`,
      async run(io) {
        const signal = name as Signal | undefined;
        if (signal !== undefined) hear(io, signal);
        const options = signal === undefined ? {} : { signal: constants.signals[signal] };
        if (nonblock) io.file.setLeaseSync(kind, options);
        else await io.file.setLease(kind, options);
        if (kind !== 'none') io.watchBreaks();
        return OK;
      },
    };
  },
};

/** Catches the lease's signal, whose default action might end the process. */
function hear(io: IoProcess, signal: Signal): void {
  process.removeAllListeners(signal);
  process.on(signal, () => io.print(`signal: ${signal}`));
}

const getlease: IoVerb = {
  usage: 'getlease',
  summary: 'the lease of this description, or what it must become',
  bind(args) {
    args.end();
    return {
      text: 'getlease',
      run(io) {
        const { kind, breakMs } = io.file.getLease();
        return breakMs > 0 ? `${kind}, forced in ${breakMs} ms` : kind;
      },
    };
  },
};

const pin: IoVerb = {
  usage: 'pin [-d] OFF LEN',
  summary: 'protect a range; -d: owned by the description',
  bind(args) {
    const description = args.flag('-d');
    const off = args.size('OFF');
    const len = args.size('LEN');
    args.end();
    return {
      text: `pin ${off} ${len}`,
      run: io => `id ${io.file.pin(off, len, { owner: description ? 'description' : 'process' })}`,
    };
  },
};

const unpin: IoVerb = {
  usage: 'unpin ID|all',
  summary: 'remove one pin, or all of this process on the file',
  bind(args) {
    const word = args.word('ID');
    args.end();
    if (word === 'all') return { text: 'unpin all', run: io => `${io.file.unpinAll()} removed` };
    if (!/^\d{1,19}$/.test(word)) args.wrong(`ID '${word}' is neither a number nor 'all'`);
    return {
      text: `unpin ${word}`,
      run(io) {
        io.file.unpin(BigInt(word));
        return OK;
      },
    };
  },
};

export const leaseVerbs = { lease, getlease, pin, unpin } as const;
