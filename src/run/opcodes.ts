// The opcodes of io_uring_register(2), by number: what each does to memory that the kernel holds, and the first Linux that
// has it. The filter (native/launch/filter.h) stops those that are not 'nothing', and all that this table does not know. As of
// <linux/io_uring.h> of Linux 7.2.
//
// Kernel counterpart: io_uring/register.c.

/** 'holds': memory of the caller, from then on; 'clones': what another ring holds; 'frees': what the ring held. */
type Effect = 'holds' | 'clones' | 'frees' | 'nothing';

interface Opcode {
  /** Without IORING_. */
  readonly name: string;
  readonly since: string;
  readonly effect: Effect;
}

const row = (name: string, since: string, effect: Effect = 'nothing'): Opcode => ({ name, since, effect });

/** UNREGISTER_BUFFERS ends no pin, since fdinfo lists what a ring has: before it, that list says what the kernel took (asked.ts). */
export const opcodes: readonly Opcode[] = [
  row('REGISTER_BUFFERS', '5.1', 'holds'),
  row('UNREGISTER_BUFFERS', '5.1', 'frees'),
  row('REGISTER_FILES', '5.1'),
  row('UNREGISTER_FILES', '5.1'),
  row('REGISTER_EVENTFD', '5.2'),
  row('UNREGISTER_EVENTFD', '5.2'),
  row('REGISTER_FILES_UPDATE', '5.5'),
  row('REGISTER_EVENTFD_ASYNC', '5.6'),
  row('REGISTER_PROBE', '5.6'),
  row('REGISTER_PERSONALITY', '5.6'),
  row('UNREGISTER_PERSONALITY', '5.6'),
  row('REGISTER_RESTRICTIONS', '5.10'),
  row('REGISTER_ENABLE_RINGS', '5.10'),
  row('REGISTER_FILES2', '5.13'),
  row('REGISTER_FILES_UPDATE2', '5.13'),
  row('REGISTER_BUFFERS2', '5.13', 'holds'),
  row('REGISTER_BUFFERS_UPDATE', '5.13', 'holds'),
  row('REGISTER_IOWQ_AFF', '5.14'),
  row('UNREGISTER_IOWQ_AFF', '5.14'),
  row('REGISTER_IOWQ_MAX_WORKERS', '5.15'),
  row('REGISTER_RING_FDS', '5.18'),
  row('UNREGISTER_RING_FDS', '5.18'),
  row('REGISTER_PBUF_RING', '5.19', 'holds'),
  row('UNREGISTER_PBUF_RING', '5.19', 'frees'),
  row('REGISTER_SYNC_CANCEL', '6.0'),
  row('REGISTER_FILE_ALLOC_RANGE', '6.0'),
  row('REGISTER_PBUF_STATUS', '6.8'),
  row('REGISTER_NAPI', '6.9'),
  row('UNREGISTER_NAPI', '6.9'),
  row('REGISTER_CLOCK', '6.12'),
  row('REGISTER_CLONE_BUFFERS', '6.12', 'clones'),
  row('REGISTER_SEND_MSG_RING', '6.13'),
  row('REGISTER_ZCRX_IFQ', '6.15', 'holds'),
  row('REGISTER_RESIZE_RINGS', '6.13', 'holds'),
  row('REGISTER_MEM_REGION', '6.13', 'holds'),
  row('REGISTER_QUERY', '6.18'),
  row('REGISTER_ZCRX_CTRL', '6.19'),
  row('REGISTER_BPF_FILTER', '7.0'),
];

const numberOf = (name: string): number => opcodes.findIndex(opcode => opcode.name === name);

export const REGISTER_BUFFERS = numberOf('REGISTER_BUFFERS');
export const REGISTER_BUFFERS2 = numberOf('REGISTER_BUFFERS2');
export const REGISTER_BUFFERS_UPDATE = numberOf('REGISTER_BUFFERS_UPDATE');
export const REGISTER_PBUF_RING = numberOf('REGISTER_PBUF_RING');
export const UNREGISTER_PBUF_RING = numberOf('UNREGISTER_PBUF_RING');
export const REGISTER_CLONE_BUFFERS = numberOf('REGISTER_CLONE_BUFFERS');
export const REGISTER_ZCRX_IFQ = numberOf('REGISTER_ZCRX_IFQ');
export const REGISTER_RESIZE_RINGS = numberOf('REGISTER_RESIZE_RINGS');
export const REGISTER_MEM_REGION = numberOf('REGISTER_MEM_REGION');
/** What these opcodes do is not known. */
export const REGISTER_UNKNOWN = opcodes.length;
