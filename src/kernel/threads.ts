/**
 * Ending a blocked system call in another thread of this process.
 *
 * `worker.terminate()` waits for a native call to return, so a thread blocked in `read` could never be stopped. A signal
 * makes the call return EINTR, if its handler was installed without SA_RESTART. JavaScript cannot run in a signal
 * handler, and need not: the handler is libc's `abs`, a function that takes an int, touches nothing and returns.
 *
 * Which signal: SIGURG. Ignored by default, so one that comes too early or in a child after exec does no harm; not
 * used by Node, V8 or libc; outside of this only sent by a socket that somebody gave an owner for urgent data. Where
 * another part of the process has a handler for it, the highest free real-time signal serves instead: the handler of
 * others is never replaced. Handlers are of the process, so all threads share one, and installing twice is harmless.
 */

import { PosternError } from "../errors.js";
import { addressOf } from "./address.js";
import { check } from "./errno.js";
import { koffi, libc } from "./libc.js";
import { LINUX, SYS } from "./numbers.js";
import { syscall0, syscall3 } from "./syscall.js";

/** libc's `struct sigaction`, the same in glibc and musl on both architectures; the kernel's own is shorter. */
const LIBC_SIGACTION = { size: 152, sa_handler: 0 } as const;
const CANDIDATES = [LINUX.SIGURG, LINUX.SIGRTMAX - 1, LINUX.SIGRTMAX - 2, LINUX.SIGRTMAX - 3] as const;

const sigaction: (signal: number, action: number, old: number) => number = libc.func("sigaction", "int", [
  "int",
  "long",
  "long",
]);

/** Kernel id of the calling thread; on the main thread it is the process's. */
export function gettid(): number {
  return syscall0(SYS.gettid);
}

/** The struct that goes to libc and comes back; a module constant, so that its address stays good. */
const action = new DataView(new ArrayBuffer(LIBC_SIGACTION.size));
const actionAddress = addressOf(action);

/** Address of the handler of a signal: 0 for the default, 1 for ignored. */
function handlerOf(signal: number): bigint {
  const result = sigaction(signal, 0, actionAddress);
  check(result === 0 ? 0 : -koffi.errno(), `Reading the handler of signal ${signal}`);
  return action.getBigUint64(LIBC_SIGACTION.sa_handler, true);
}

/** Installs a handler that blocks no other signal, and without SA_RESTART: that is the point. */
function installHandler(signal: number, handler: bigint): void {
  new Uint8Array(action.buffer).fill(0);
  action.setBigUint64(LIBC_SIGACTION.sa_handler, handler, true);
  const result = sigaction(signal, actionAddress, 0);
  check(result === 0 ? 0 : -koffi.errno(), `Installing a handler for signal ${signal}`);
}

let harmlessFunction: bigint | undefined;

/**
 * Installs the handler that lets a signal end a blocked call, where it is not there yet, and says for which signal.
 *
 * @returns the signal's number
 * @throws PosternError EUNSUPPORTED when all candidate signals have handlers of others
 */
export function installInterrupt(): number {
  harmlessFunction ??= koffi.address(libc.symbol("abs"));
  for (const signal of CANDIDATES) {
    const present = handlerOf(signal);
    if (present === harmlessFunction) return signal;
    if (present !== BigInt(LINUX.SIG_DFL) && present !== BigInt(LINUX.SIG_IGN)) continue;
    installHandler(signal, harmlessFunction);
    return signal;
  }
  throw new PosternError("EUNSUPPORTED", `Signals ${CANDIDATES.join(", ")} all have handlers of other parts already.`);
}

/**
 * Makes the system call in which a thread of this process is blocked return EINTR (-4).
 *
 * A thread that is not in a system call at that moment runs on undisturbed, and its next call blocks as ever: set a flag
 * that it checks first, and repeat until it answers. Calls that cannot be interrupted (a page fault on a dead network
 * disk) stay. Waiting in Atomics.wait goes on.
 *
 * @param tid kernel id of the thread, from {@link gettid} on that thread
 * @returns 0, or -ESRCH (-3) when there is no such thread any more
 * @throws PosternError as {@link installInterrupt}
 */
export function interruptThread(tid: number): number {
  const signal = installInterrupt();
  return syscall3(SYS.tgkill, process.pid, tid, signal);
}
