// Opcodes of io_uring_register(2) that the running kernel has and leasefs does not know.
import { errno } from '../base/errno.js';
import { native } from '../native/binding.js';
import { REGISTER_UNKNOWN } from '../run/opcodes.js';

/** No kernel has as many; the highest bit is a flag. */
const NO_OPCODE = 0x7fff_ffff;
const NO_RING = -2;
/** More are not looked for. */
const LOOKS = 256;

/**
 * The kernel looks at the opcode first, EINVAL, and then at the descriptor, EBADF. Undefined where it does not (before
 * Linux 5.19, or a container forbids the call).
 */
export function newerOpcodes(): number[] | undefined {
  const isKnown = (opcode: number): boolean => native.uringRegister(NO_RING, opcode) === -errno.EBADF;
  if (!isKnown(0) || isKnown(NO_OPCODE)) return undefined;
  const numbers = Array.from({ length: LOOKS }, (_, n) => REGISTER_UNKNOWN + n);
  return numbers.filter(isKnown);
}
