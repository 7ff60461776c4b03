/**
 * epoll from registers. On x86-64 a program's epoll_event is packed, 12 bytes with the data at 4; in the block it has 16
 * bytes with the data at 8. The original takes the program's memory as 16-byte events too, and in compatible mode so do
 * we; between peers of this implementation events are converted, by the guest here and by the host for its kernel.
 */
import { EPOLL_CTL_DEL, Errno } from "../sallyport/linux.js";
import { validate } from "./platform.js";
import {
  BAD_POINTER,
  type Entry,
  type EntryContext,
  type Fetch,
  fetchAll,
  int,
  Refusal,
  type Registers,
  record,
  recordsMut,
  register,
  row,
  toAddress,
  toInt,
} from "./registers.js";

const EVENT_BYTES = 16;
const PACKED_BYTES = 12;
const MASK_BYTES = 128;
/** Bytes of the kernel's signal set. */
const KERNEL_MASK_BYTES = 8;
/** Events of one wait at most; more make no sense for any number of descriptors a keep may have. */
const EVENTS_MAX = 65536;

const originalControl = row("epoll_ctl", int(0), int(1), int(2), record(3, EVENT_BYTES, 8));

/** An event of the program, as the block has it. */
function unpack(packed: Uint8Array): Uint8Array {
  const event = new Uint8Array(EVENT_BYTES);
  event.set(packed.subarray(0, 4));
  event.set(packed.subarray(4, PACKED_BYTES), 8);
  return event;
}

/** epoll_ctl */
export const packedEvents: Entry = (context, registers) => {
  if (context.compatible) return originalControl(context, registers);
  const operation = toInt(register(registers, 1));
  let event = new Uint8Array(EVENT_BYTES);
  if (operation !== EPOLL_CTL_DEL) {
    const packed = validate(context.platform, register(registers, 3), PACKED_BYTES, 1);
    if (packed === null) return -BAD_POINTER.errno;
    event = unpack(packed) as Uint8Array<ArrayBuffer>;
  }
  return context.handler.epoll_ctl(toInt(register(registers, 0)), operation, toInt(register(registers, 2)), event);
};

/** The program's mask of signals: 8 bytes and their number, made as wide as the block has it. */
const kernelMask: Fetch = ({ platform }, registers) => {
  if (toAddress(register(registers, 5)) !== KERNEL_MASK_BYTES) return new Refusal(Errno.EINVAL);
  const set = validate(platform, register(registers, 4), KERNEL_MASK_BYTES, 8);
  if (set === null) return BAD_POINTER;
  const mask = new Uint8Array(MASK_BYTES);
  mask.set(set);
  return mask;
};

const originalWait = row("epoll_wait", int(0), recordsMut(1, EVENT_BYTES, 8), int(3));
const originalMaskedWait = row("epoll_pwait", int(0), recordsMut(1, EVENT_BYTES, 8), int(3), record(4, MASK_BYTES, 8));

function packedWait(context: EntryContext, registers: Registers, masked: boolean): number {
  if (toAddress(register(registers, 2)) > EVENTS_MAX) return -Errno.EINVAL;
  const fetched = fetchAll([recordsMut(1, PACKED_BYTES, 1), ...(masked ? [kernelMask] : [])], context, registers);
  if (fetched instanceof Refusal) return -fetched.errno;
  const [packed, mask] = fetched as [Uint8Array, Uint8Array | undefined];
  const events = new Uint8Array((packed.length / PACKED_BYTES) * EVENT_BYTES);
  const epfd = toInt(register(registers, 0));
  const timeout = toInt(register(registers, 3));
  const { handler } = context;
  const count =
    mask === undefined ? handler.epoll_wait(epfd, events, timeout) : handler.epoll_pwait(epfd, events, timeout, mask);
  for (let i = 0; i < count; i++) {
    packed.set(events.subarray(i * EVENT_BYTES, i * EVENT_BYTES + 4), i * PACKED_BYTES);
    packed.set(events.subarray(i * EVENT_BYTES + 8, (i + 1) * EVENT_BYTES), i * PACKED_BYTES + 4);
  }
  return count;
}

/** epoll_wait, or epoll_pwait with a mask. */
export function events(masked: boolean): Entry {
  const original = masked ? originalMaskedWait : originalWait;
  return (context, registers) =>
    context.compatible ? original(context, registers) : packedWait(context, registers, masked);
}
