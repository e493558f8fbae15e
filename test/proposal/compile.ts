// Compiles what a virtual machine is to run, before it is booted: node dist/test/proposal/compile.js [DEVICE...]
import { type Device, programsOf } from './programs.js';

for (const device of process.argv.slice(2)) programsOf('fcntl', device as Device, 'dynamic');
