// `leasefs layout`: a picture of one file.
import { fstatSync, writeFileSync } from 'node:fs';
import { type Picture, pictureLines, pictureSvg } from './layout-picture.js';
import { onMounted } from './mounted-path.js';
import { CommandError, onlyArgument, parseOptions, type Verb } from './verb.js';

const DEFAULT_COLUMNS = 80;
const MAX_COLUMNS = 120;

export const verb: Verb = {
  name: 'layout',
  summary: 'a picture of a file: blocks, holes, pins, leases',
  help: `usage: leasefs layout [--svg OUT] FILE

Draws the file from its first byte to its last: the leases over it (a double line is
unbreakable), its blocks and holes, and a line for each process with what it has pinned.

  --svg OUT    write the picture to the file OUT instead

'leasefs extents' and 'leasefs pins' have the numbers.`,

  async run(args) {
    const { values, positionals } = parseOptions(args, { svg: { type: 'string' } });
    const path = onlyArgument(positionals, 'FILE');
    const picture: Picture = onMounted(path, file => {
      const { size } = fstatSync(file.fd);
      return {
        path,
        size,
        store: file.report('status').store,
        layout: file.layout(0, Math.max(size, 1)),
        leases: file.report('leases').leases,
        pins: file.report('pins').pins,
      };
    });
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
