#!/usr/bin/env node
// The command `leasefs`. It looks at the version of Node.js first: an older one may lack what the rest imports.
import { refusalOfNode } from '../base/node-version.js';

// Node's own answer to it is a debugger.
process.on('SIGUSR1', () => {});
const refusal = refusalOfNode(process.versions.node);
if (refusal === undefined) {
  const { command } = await import('./command.js');
  process.exitCode = await command(process.argv.slice(2));
} else {
  console.error(refusal);
  process.exitCode = 1;
}
