// `leasefs extents`: where in the store a file's blocks lie, and which of them are pinned; filefrag(8) for leasefs,
// since FIEMAP never reaches a FUSE server (F17).
import { fstatSync } from 'node:fs';
import { extentBar, legend } from './extent-bar.js';
import { jsonText } from './json.js';
import { onMounted } from './mounted-path.js';
import { type Piece, piecesOf } from './pieces.js';
import { exactSize } from './sizes.js';
import { table } from './table.js';
import { onlyArgument, parseOptions, type Verb } from './verb.js';

const MAX_BAR = 96;

export const verb: Verb = {
  name: 'extents',
  summary: "where a file's blocks lie in the store, and what is pinned",
  help: `usage: leasefs extents [--json] FILE

  RANGE        bytes [begin,end) of the file
  SEGMENT      the memfd of the store that the blocks lie in; 'file' where each file has its
               own (the direct store)
  STORE        bytes into the segment
  STATE        written; unwritten: has blocks and reads as zeros; hole: has none
  PINNED       parts that no truncate and no punch may free: 'leasefs pins' names the owner

On a terminal a bar of the whole file comes first.`,

  async run(args) {
    const { values, positionals } = parseOptions(args, { json: { type: 'boolean' } });
    const { mount, ...file } = onMounted(onlyArgument(positionals, 'FILE'), (open, mountPoint) => {
      const { size } = fstatSync(open.fd);
      const layout = open.layout(0, Math.max(size, 1));
      return { mount: mountPoint, size, seq: layout.seq, extents: piecesOf(layout, open.pins(), size) };
    });
    if (values.json) {
      console.log(jsonText('extents', { mount, ...file }));
      return 0;
    }
    if (process.stdout.isTTY && file.extents.length > 0) {
      const width = Math.min(process.stdout.columns, MAX_BAR);
      for (const line of [...extentBar(file.extents, width), legend, '']) console.log(line);
    }
    for (const line of extentTable(file.extents)) console.log(line);
    return 0;
  },
};

export function extentTable(pieces: readonly Piece[]): string[] {
  if (pieces.length === 0) return ['no extents'];
  return table<Piece>(
    [
      { title: 'RANGE', cell: ({ off, len }) => rangeText(off, off + len) },
      { title: 'SEGMENT', right: true, cell: ({ segment }) => (segment === 0 ? 'file' : `${segment ?? ''}`) },
      { title: 'STORE', cell: ({ store, len }) => (store === null ? '' : rangeText(store, store + len)) },
      { title: 'STATE', cell: ({ state }) => state },
      {
        title: 'PINNED',
        cell: ({ pinned }) => (pinned.length === 0 ? '' : pinned.map(p => rangeText(p.begin, p.end))),
      },
    ],
    pieces,
  );
}

const rangeText = (begin: number, end: number): string => `[${exactSize(begin)},${exactSize(end)})`;
