// `leasefs include-dir`: where the headers and bindings are.
import { fileURLToPath } from 'node:url';
import { parseOptions, UsageError, type Verb } from './verb.js';

export const verb: Verb = {
  name: 'include-dir',
  summary: 'the directory of leasefs.h, leasefs.py, leasefs.go and leasefs.rs',
  help: `usage: leasefs include-dir

Prints the directory of leasefs.h and the bindings:

  C       cc -I"$(leasefs include-dir)" program.c
  Python  PYTHONPATH="$(leasefs include-dir)" python3 program.py
  Go      copy leasefs.go into your module
  Rust    #[path = ".../leasefs.rs"] mod leasefs;`,

  async run(args) {
    const { positionals } = parseOptions(args, {});
    if (positionals.length > 0) throw new UsageError(`'${positionals[0]}' is too much`);
    console.log(fileURLToPath(new URL('../../../native/include', import.meta.url)));
    return 0;
  },
};
