/** The debugger calls of a guest, served to a debugger that connects to a socket: the remote protocol passes through. */
import { addressOf, SYS, syscall1, syscall4, syscall6 } from "../kernel/index.js";
import { Errno, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_PEEK, SOCK_CLOEXEC } from "../sallyport/linux.js";
import type { Debugger } from "./services.js";

/** A debugger connection and the end of it. */
export interface DebuggerServer extends Debugger {
  /** Closes the connection and the listening socket. */
  close(): void;
}

/**
 * Serves a debugger on a socket that listens (UNIX, or TCP on the loopback: whoever connects controls the guest).
 *
 * Waits block the calling thread; a signal to it ends them when `stopping` says so.
 * @param listening native descriptor of the socket; it is closed with the server
 * @param stopping whether the keep is to stop
 */
export function debuggerOn(listening: number, stopping: () => boolean = () => false): DebuggerServer {
  const byte = new Uint8Array(1);
  const address = addressOf(byte);
  let connection = -1;

  /** Repeats a call that a signal interrupted. */
  function repeat(call: () => number): number {
    for (;;) {
      const result = call();
      if (result !== -Errno.EINTR || stopping()) return result;
    }
  }

  function receive(flags: number): number {
    if (connection < 0) return -Errno.ENOTCONN;
    return repeat(() => syscall6(SYS.recvfrom, connection, address, 1, flags, 0, 0));
  }

  return {
    sessionStart(): number {
      if (connection >= 0) return 0;
      const result = repeat(() => syscall4(SYS.accept4, listening, 0, 0, SOCK_CLOEXEC));
      if (result < 0) return result;
      connection = result;
      return 0;
    },
    read(): number {
      const count = receive(0);
      if (count === 0) return -Errno.ECONNRESET;
      return count < 0 ? count : byte[0]!;
    },
    peek(): number | undefined {
      const count = receive(MSG_PEEK | MSG_DONTWAIT);
      if (count === -Errno.EAGAIN) return undefined;
      if (count === 0) return -Errno.ECONNRESET;
      return count < 0 ? count : byte[0]!;
    },
    write(bytes: Uint8Array): number {
      if (connection < 0) return -Errno.ENOTCONN;
      const start = addressOf(bytes);
      for (let done = 0; done < bytes.length; ) {
        const at = start + done;
        const left = bytes.length - done;
        const count = repeat(() => syscall6(SYS.sendto, connection, at, left, MSG_NOSIGNAL, 0, 0));
        if (count < 0) return count;
        done += count;
      }
      return 0;
    },
    flush: () => (connection < 0 ? -Errno.ENOTCONN : 0),
    close(): void {
      if (connection >= 0) syscall1(SYS.close, connection);
      syscall1(SYS.close, listening);
      connection = -1;
    },
  };
}
