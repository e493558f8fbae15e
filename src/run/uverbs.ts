// Which memory an ioctl on an RDMA device's descriptor, /dev/infiniband/uverbsN, makes a region of: a method of memory
// regions, or an older write command inside the ioctl, as rdma-core sends it since Linux 4.20; programs that still
// write(2) those commands are not seen. Pure decoding; the kernel's counterpart is drivers/infiniband/core/uverbs_ioctl.c,
// the structures are those of <rdma/rdma_user_ioctl_cmds.h> and <rdma/ib_user_verbs.h>.

/** The one ioctl of uverbs. */
export const RDMA_VERBS_IOCTL = 0xc018_1b01;

interface Region {
  /** Of the caller's memory, bytes. */
  readonly start: number;
  readonly length: number;
  /** The address by which the device knows `start`; the kernel lists the region by it. */
  readonly iova: number;
}

/** Bytes of the caller's memory; undefined where it has none. */
export type Memory = (address: number, length: number) => DataView | undefined;

const HEADER_BYTES = 24;
const ATTRIBUTE_BYTES = 16;
/** As the kernel: what is longer is refused by it. */
const REQUEST_BYTES_MAX = 4096;

const OBJECT_DEVICE = 0;
const METHOD_INVOKE_WRITE = 0;
const ATTRIBUTE_CORE_IN = 0;
const ATTRIBUTE_WRITE_CMD = 2;

const OBJECT_MR = 7;
/** Linux 6.18 and newer; of a dma-buf it has no address. */
const METHOD_REG_MR = 5;
const ATTRIBUTE_REG_IOVA = 3;
const ATTRIBUTE_REG_ADDR = 4;
const ATTRIBUTE_REG_LENGTH = 5;

const CMD_REG_MR = 9;
const CMD_REREG_MR = 11;
const REREG_CHANGE_TRANSLATION = 1;

interface Attribute {
  readonly length: number;
  /** The value itself, or where it is. */
  readonly data: bigint;
}

/** Of ioctl(fd, RDMA_VERBS_IOCTL, address); undefined if it makes no region, or is not well formed. */
export function registeredRegion(memory: Memory, address: number): Region | undefined {
  const length = memory(address, HEADER_BYTES)?.getUint16(0, true) ?? 0;
  if (length < HEADER_BYTES || length > REQUEST_BYTES_MAX) return undefined;
  const request = memory(address, length);
  if (request === undefined) return undefined;
  const object = request.getUint16(2, true);
  const method = request.getUint16(4, true);
  if (object === OBJECT_MR && method === METHOD_REG_MR) {
    const start = attributeOf(request, ATTRIBUTE_REG_ADDR);
    const size = attributeOf(request, ATTRIBUTE_REG_LENGTH);
    const iova = attributeOf(request, ATTRIBUTE_REG_IOVA);
    if (start === undefined || size === undefined || iova === undefined) return undefined;
    return { start: Number(start.data), length: Number(size.data), iova: Number(iova.data) };
  }
  if (object !== OBJECT_DEVICE || method !== METHOD_INVOKE_WRITE) return undefined;
  const command = attributeOf(request, ATTRIBUTE_WRITE_CMD);
  const input = attributeOf(request, ATTRIBUTE_CORE_IN);
  if (command === undefined || input === undefined) return undefined;
  return regionOfCommand(Number(command.data & 0xffff_ffffn), bytesOf(memory, input));
}

function attributeOf(request: DataView, id: number): Attribute | undefined {
  const count = Math.min(
    request.getUint16(6, true),
    Math.floor((request.byteLength - HEADER_BYTES) / ATTRIBUTE_BYTES),
  );
  for (let n = 0, at = HEADER_BYTES; n < count; n++, at += ATTRIBUTE_BYTES)
    if (request.getUint16(at, true) === id)
      return { length: request.getUint16(at + 2, true), data: request.getBigUint64(at + 8, true) };
  return undefined;
}

/** Values of up to 8 bytes stand in the attribute itself. */
function bytesOf(memory: Memory, { length, data }: Attribute): DataView | undefined {
  if (length > 8) return memory(Number(data), length);
  const inline = new DataView(new ArrayBuffer(8));
  inline.setBigUint64(0, data, true);
  return new DataView(inline.buffer, 0, length);
}

/** `input`: the command's structure. */
function regionOfCommand(command: number, input: DataView | undefined): Region | undefined {
  if (input === undefined) return undefined;
  const word = (at: number): number => Number(input.getBigUint64(at, true));
  // struct ib_uverbs_reg_mr, struct ib_uverbs_rereg_mr: it moves to other memory.
  if (command === CMD_REG_MR && input.byteLength >= 40) {
    return { start: word(8), length: word(16), iova: word(24) };
  }
  if (command === CMD_REREG_MR && input.byteLength >= 48) {
    if ((input.getUint32(12, true) & REREG_CHANGE_TRANSLATION) === 0) return undefined;
    return { start: word(16), length: word(24), iova: word(32) };
  }
  return undefined;
}
