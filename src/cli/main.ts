#!/usr/bin/env node
// The command `leasefs`. It looks at the version of Node.js first: an older one may lack what the rest imports.
import { keepOutputBlocking } from '../base/blocking-output.js';
import { refusalOfNode } from '../base/node-version.js';

// Node's own answer to it is a debugger.
process.on('SIGUSR1', () => {});
const refusal = refusalOfNode(process.versions.node);
if (refusal === undefined) {
  // The command of `run` has the same pipes.
  if (process.argv[2] === 'run') keepOutputBlocking();
  const { command } = await import('./command.js');
  process.exitCode = await command(process.argv.slice(2));
} else {
  console.error(refusal);
  process.exitCode = 1;
}
