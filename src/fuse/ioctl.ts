// IOCTL requests of the kernel: the structs that they carry are src/ioctl's.
//
//   fuse_ioctl_in  0 fh  8 flags  12 cmd  16 arg  24 in_size  28 out_size; the struct
//   fuse_ioctl_out 0 result  4 flags  8 in_iovs  12 out_iovs; the struct
import { errno } from '../base/errno.js';
import type { Answer } from '../fs/operations.js';
import { ioctls, runIoctl } from '../ioctl/ioctl.js';
import { supervisorIoctls } from '../ioctl/supervisor.js';
import { type Connection, MALFORMED } from './connection.js';
import { IOCTL_UNRESTRICTED } from './flags.js';
import { IOCTL_OUT } from './wire/reply.js';
import { IOCTL_IN, type Request } from './wire/request.js';

const served = new Map([...ioctls, ...supervisorIoctls]);

export function ioctl(connection: Connection, request: Request): Answer {
  const command = served.get(request.u32(12));
  if (command === undefined || request.u32(8) & IOCTL_UNRESTRICTED) return -errno.ENOTTY;
  const { bytes } = command.struct;
  if (request.u32(24) !== bytes || request.u32(28) !== bytes || request.length !== IOCTL_IN + bytes)
    return MALFORMED;
  const answer = runIoctl(command, connection, request, request.fh(0));
  if (answer !== 0) return answer;
  connection.reply.clear(0, IOCTL_OUT);
  return IOCTL_OUT + bytes;
}
