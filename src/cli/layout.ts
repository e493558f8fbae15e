// `leasefs layout`: a picture of one file.
import { fstatSync, writeFileSync } from 'node:fs';
import { mappingsOf } from '../process/file-mappings.js';
import { jsonText } from './json.js';
import { type Picture, pictureLines } from './layout-picture.js';
import { pictureSvg } from './layout-svg.js';
import { onMounted } from './mounted-path.js';
import { piecesOf } from './pieces.js';
import { CommandError, onlyArgument, parseOptions, type Verb } from './verb.js';

const DEFAULT_COLUMNS = 80;
const MAX_COLUMNS = 120;

export const verb: Verb = {
  name: 'layout',
  summary: 'a picture of a file: blocks, holes, pins, leases, mappings',
  help: `usage: leasefs layout [--json | --svg OUT] FILE

Draws the file from its first byte to its last: the leases over it (a double line is
unbreakable), its blocks and holes, and a line for each process with what it has pinned.
Below them the processes that map it, as far as you may look into them, and how much of
that is in huge pages.

  --json       print these facts as JSON
  --svg OUT    write the picture to the file OUT instead, '-' to standard output

'leasefs extents' and 'leasefs pins' have the numbers.`,

  async run(args) {
    const { values, positionals } = parseOptions(args, {
      json: { type: 'boolean' },
      svg: { type: 'string' },
    });
    const path = onlyArgument(positionals, 'FILE');
    const { mount, ...picture } = onMounted(path, (file, mountPoint): Picture & { mount: string } => {
      const { dev, ino, size } = fstatSync(file.fd);
      return {
        mount: mountPoint,
        path,
        size,
        store: file.report('status').store,
        layout: file.layout(0, Math.max(size, 1)),
        leases: file.report('leases').leases,
        pins: file.report('pins').pins,
        mappings: mappingsOf(dev, ino),
      };
    });
    if (values.json) {
      const { layout, ...facts } = picture;
      const extents = piecesOf(layout, facts.pins, facts.size);
      console.log(jsonText('layout', { mount, ...facts, extents }));
      return 0;
    }
    if (values.svg === '-') {
      process.stdout.write(pictureSvg(picture));
      return 0;
    }
    if (values.svg !== undefined) {
      try {
        writeFileSync(values.svg, pictureSvg(picture));
      } catch (error) {
        throw new CommandError((error as Error).message);
      }
      return 0;
    }
    const columns = Math.min(process.stdout.columns ?? DEFAULT_COLUMNS, MAX_COLUMNS);
    for (const line of pictureLines(picture, columns)) console.log(line);
    return 0;
  },
};
