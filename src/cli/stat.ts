// `leasefs stat`: one file at a glance, with how its data are served and why.
import { fstatSync } from 'node:fs';
import type { ReportedLease, ReportedStatus } from '../client/index.js';
import { type FileMapping, mappingsOf } from '../process/file-mappings.js';
import { jsonText } from './json.js';
import { mappingTexts } from './mapped-by.js';
import { onMounted } from './mounted-path.js';
import { exactSize, readableSize } from './sizes.js';
import { pairs } from './table.js';
import { onlyArgument, parseOptions, type Verb } from './verb.js';

export interface FileFacts {
  readonly ino: number;
  /** Bytes. */
  readonly size: number;
  /** Bytes that its blocks take. */
  readonly allocated: number;
  readonly extents: number;
  /** Segments of the store that the extents lie in; none where the file has its own memory. */
  readonly segments: readonly number[];
  readonly leases: readonly ReportedLease[];
  readonly pins: { readonly count: number; readonly bytes: number };
  /** Of the processes that the caller may look into. */
  readonly mappings: readonly FileMapping[];
}

export const verb: Verb = {
  name: 'stat',
  summary: 'one file: its store, data path, extents, leases and pins',
  help: `usage: leasefs stat [--json] FILE

  store        'direct': the file is memory of its own, its layout the identity; 'pooled':
               its blocks lie in segments that files share
  data path    'passthrough': read, write and mmap go to the file's memory in the kernel;
               'daemon': through leasefs, with the reason
  extents      runs of blocks: 'leasefs extents' lists them
  leases       'leasefs leases' names their holders
  pins         how many, and the bytes of each added up: 'leasefs pins' lists them
  huge pages   --huge of the mount: which pages of a direct file may be huge
  mapped by    processes that map the file, as far as you may look into them: the bytes, how
               many are in the process's page tables, and how many of those in huge pages`,

  async run(args) {
    const { values, positionals } = parseOptions(args, { json: { type: 'boolean' } });
    const path = onlyArgument(positionals, 'FILE');
    const { mount, status, file } = onMounted(path, (open, mountPoint) => {
      const { dev, ino, size, blocks } = fstatSync(open.fd);
      const { extents } = open.layout(0, Math.max(size, 1));
      const pins = open.pins();
      const facts: FileFacts = {
        ino,
        size,
        allocated: blocks * 512,
        extents: extents.length,
        segments: [...new Set(extents.map(({ segment }) => segment))].filter(segment => segment !== 0),
        leases: open.report('leases').leases,
        pins: { count: pins.length, bytes: pins.reduce((sum, { len }) => sum + len, 0) },
        mappings: mappingsOf(dev, ino),
      };
      return { mount: mountPoint, status: open.report('status'), file: facts };
    });
    const { store, passthrough, reason, huge } = status;
    if (values.json) console.log(jsonText('stat', { mount, store, passthrough, reason, huge, ...file }));
    else for (const line of statLines(path, status, file)) console.log(line);
    return 0;
  },
};

export function statLines(path: string, status: ReportedStatus, file: FileFacts): string[] {
  const { ino, size, allocated, extents, segments, leases, pins, mappings } = file;
  return pairs([
    ['file', `${path}, inode ${ino}`],
    ['store', status.store],
    ['data path', status.passthrough ? 'passthrough' : `daemon: ${status.reason ?? 'no passthrough'}`],
    ['size', `${readableSize(size)} (${size} bytes), ${readableSize(allocated)} allocated`],
    ['extents', `${extents}${segments.length === 0 ? '' : ` in segment ${segments.join(', ')}`}`],
    [
      'leases',
      leases
        .map(({ kind, state, owner }) => `${kind}, ${state}, by ${owner.pid} ${owner.command}`)
        .join('; ') || 'none',
    ],
    ['pins', pins.count === 0 ? 'none' : `${pins.count}, ${exactSize(pins.bytes)}`],
    ...(status.huge === null ? [] : [['huge pages', status.huge] as const]),
    ['mapped by', mappingTexts(mappings).join('; ') || 'no process that this user may look into'],
  ]);
}
