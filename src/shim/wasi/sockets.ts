/** sock_accept, sock_recv, sock_send and sock_shutdown. */
import { plans } from "../../sallyport/calls.js";
import { MSG_NOSIGNAL, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, SOCK_NONBLOCK } from "../../sallyport/linux.js";
import { Fdflags, Riflags, Right, Roflags, Sdflags } from "./abi.js";
import { Access, Entry, Kind, SOCKET } from "./descriptors.js";
import { Errno, errnoOf } from "./errno.js";
import type { Iovecs } from "./iovecs.js";
import type { Mover } from "./mover.js";
import type { Program, WasiFunctions } from "./program.js";

/** Room that msg_flags takes of a block. */
const MESSAGE_FLAGS_BYTES = 8;

export function createSockets(program: Program, iovecs: Iovecs, mover: Mover): WasiFunctions {
  const { engine, memory, descriptors } = program;
  const room = engine.capacity - MESSAGE_FLAGS_BYTES;
  const messageFlags = new Uint8Array(4);
  const messageFlagsView = new DataView(messageFlags.buffer);

  /** What the functions on sockets share. @returns an error number */
  function check(entry: Entry, right: number): number {
    if (entry.kind === Kind.CLOSED) return Errno.BADF;
    if ((entry.kind & SOCKET) === 0) return Errno.NOTSOCK;
    return entry.lacks(right) ? Errno.NOTCAPABLE : Errno.SUCCESS;
  }

  function sock_accept(fd: number, flags: number, result: number): number {
    if ((flags & ~Fdflags.NONBLOCK) !== 0) return Errno.INVAL;
    if (!memory.holds(result >>> 0, 4)) return Errno.FAULT;
    const listening = descriptors.get(fd);
    const refused = check(listening, Right.SOCK_ACCEPT);
    if (refused !== 0) return refused;
    if (descriptors.full) return Errno.MFILE;
    const linux = (flags & Fdflags.NONBLOCK) !== 0 ? SOCK_NONBLOCK : 0;
    const descriptor = engine.call(plans.accept4, listening.descriptor, null, linux);
    if (descriptor < 0) return errnoOf(descriptor);
    if (descriptors.uses(descriptor)) engine.attack();
    const entry = new Entry({ kind: listening.kind, descriptor, access: Access.BOTH, flags });
    if (listening.restricted)
      entry.restrict(entry.base & listening.inheriting, entry.inheriting & listening.inheriting);
    memory.view.setUint32(result >>> 0, descriptors.add(entry), true);
    return Errno.SUCCESS;
  }

  /** Receives into the buffers. @returns bytes, or a negative number of WASI */
  function receive(entry: Entry, flags: number): number {
    const linux =
      ((flags & Riflags.RECV_PEEK) !== 0 ? MSG_PEEK : 0) | ((flags & Riflags.RECV_WAITALL) !== 0 ? MSG_WAITALL : 0);
    // Only to fill the buffers is there a reason to go on, and a peek would see the same again.
    const goesOn = flags === Riflags.RECV_WAITALL && entry.kind === Kind.STREAM;
    const buffer = new Uint8Array(Math.min(iovecs.left, room));
    let done = 0;
    do {
      const part = buffer.subarray(0, Math.min(iovecs.left, room));
      messageFlags.fill(0);
      const received = engine.call(plans.recvmsg, entry.descriptor, part, linux, messageFlags);
      if (received < 0) return done > 0 ? done : -errnoOf(received);
      iovecs.scatter(memory, part, received);
      iovecs.advance(received);
      done += received;
      if (received === 0) break;
    } while (goesOn && iovecs.left > 0);
    return done;
  }

  function sock_recv(fd: number, array: number, count: number, flags: number, read: number, roflags: number): number {
    if ((flags & ~Riflags.ALL) !== 0) return Errno.INVAL;
    const error = iovecs.load(memory, array >>> 0, count >>> 0);
    if (error !== 0) return error;
    if (!memory.holds(read >>> 0, 4) || !memory.holds(roflags >>> 0, 2)) return Errno.FAULT;
    const entry = descriptors.get(fd);
    const refused = check(entry, Right.FD_READ);
    if (refused !== 0) return refused;
    messageFlags.fill(0);
    // Without room a datagram is dropped, as Linux does it; of a stream nothing is asked.
    const received = iovecs.left === 0 && entry.kind === Kind.STREAM ? 0 : receive(entry, flags);
    if (received < 0) return -received;
    const truncated = (messageFlagsView.getUint32(0, true) & MSG_TRUNC) !== 0;
    memory.view.setUint32(read >>> 0, received, true);
    memory.view.setUint16(roflags >>> 0, truncated ? Roflags.DATA_TRUNCATED : 0, true);
    return Errno.SUCCESS;
  }

  function sock_send(fd: number, array: number, count: number, flags: number, written: number): number {
    if (flags !== 0) return Errno.INVAL;
    const error = iovecs.load(memory, array >>> 0, count >>> 0);
    if (error !== 0) return error;
    if (!memory.holds(written >>> 0, 4)) return Errno.FAULT;
    const entry = descriptors.get(fd);
    const refused = check(entry, Right.FD_WRITE);
    if (refused !== 0) return refused;
    const sent = iovecs.left === 0 && entry.kind === Kind.STREAM ? 0 : mover.send(entry, MSG_NOSIGNAL);
    if (sent < 0) return -sent;
    memory.view.setUint32(written >>> 0, sent, true);
    return Errno.SUCCESS;
  }

  function sock_shutdown(fd: number, how: number): number {
    if (how === 0 || (how & ~Sdflags.ALL) !== 0) return Errno.INVAL;
    const entry = descriptors.get(fd);
    const refused = check(entry, Right.SOCK_SHUTDOWN);
    // WASI's bits are Linux's numbers plus one: reading 1, writing 2, both 3.
    return refused !== 0 ? refused : errnoOf(engine.numbers(plans.shutdown, entry.descriptor, how - 1));
  }

  return { sock_accept, sock_recv, sock_send, sock_shutdown };
}
