/** Calls that the guest answers itself: the host never hears of them. Values are >= 0, or -errno. */
import { Errno } from "../sallyport/linux.js";
import { getrandom, type RandomSource } from "./random.js";
import type { SignalActionSlot, ThreadStorage } from "./thread.js";

/** What answers need. */
export interface AnswerContext {
  readonly compatible: boolean;
  readonly thread: ThreadStorage;
  readonly random: RandomSource;
}

/** The one user, group and process there is. */
const ID = 1000;
const THREAD_ID = 1;
const STANDARD_DESCRIPTORS = 3;
const STAT_BYTES = 144;
const SIGACTION_BYTES = 32;
const SIGSET_BYTES = 8;
const SIGKILL = 9;
const SIGSTOP = 19;
/** Seconds since 1970 at which the standard descriptors came to be. */
const STANDARD_TIME = 1579507218;

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const equal = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, index) => byte === right[index]);

const SELF = ascii("/proc/self/exe\0");
const PROGRAM = ascii("/init\0");
const UTSNAME_FIELD = 65;
const UTSNAME = ["Linux", "localhost.localdomain", "5.6.0", "#1", "x86_64"].map(ascii);

const id = (): number => ID;

/** @param statbuf 144 bytes, a struct stat of x86-64 */
function fstat(_: AnswerContext, fd: number, statbuf: Uint8Array): number {
  if (statbuf.length !== STAT_BYTES) return -Errno.EINVAL;
  if (!(fd >= 0 && fd < STANDARD_DESCRIPTORS)) return -Errno.EBADFD;
  const fields: ReadonlyArray<readonly [number, number]> = [
    [0, fd === 0 ? 0x19 : 0xc], // device
    [8, 3], // inode
    [16, 1], // links
    [24, 0o10600], // mode: a pipe its owner may read and write
    [28, ID], // owner
    [32, 5], // group tty
    [40, 0x8800], // device it stands for
    [56, 4096], // block size
    [72, STANDARD_TIME],
    [88, STANDARD_TIME],
    [104, STANDARD_TIME],
  ];
  statbuf.fill(0);
  for (const [at, value] of fields) {
    for (let byte = 0; byte < 4; byte++) statbuf[at + byte] = value >>> (8 * byte);
  }
  return 0;
}

/** @param buf 390 bytes, a struct utsname; the domain name is left as it is */
function uname(_: AnswerContext, buf: Uint8Array): number {
  if (buf.length < UTSNAME_FIELD * UTSNAME.length) return -Errno.EINVAL;
  UTSNAME.forEach((text, index) => {
    const at = index * UTSNAME_FIELD;
    buf.fill(0, at, at + UTSNAME_FIELD);
    buf.set(text, at);
  });
  return 0;
}

/** @param pathname with its zero byte */
function readlink({ compatible }: AnswerContext, pathname: Uint8Array, buf: Uint8Array): number {
  if (!equal(pathname, SELF)) return -Errno.ENOENT;
  // The original writes and counts a zero byte. readlink(2) does neither, and cuts what does not fit.
  if (compatible && buf.length < PROGRAM.length) return -Errno.EINVAL;
  if (buf.length === 0) return -Errno.EINVAL;
  const length = compatible ? PROGRAM.length : Math.min(PROGRAM.length - 1, buf.length);
  buf.set(PROGRAM.subarray(0, length));
  return length;
}

/** Whether an action may be recorded for a signal. The original has 0 to 63; Linux has 1 to 64, without two. */
function signalExists(compatible: boolean, signum: number): boolean {
  if (!Number.isInteger(signum)) return false;
  if (compatible) return signum >= 0 && signum < 64;
  return signum >= 1 && signum <= 64 && signum !== SIGKILL && signum !== SIGSTOP;
}

function rt_sigaction(
  { compatible, thread }: AnswerContext,
  signum: number,
  act: Uint8Array | null,
  oldact: SignalActionSlot | null,
  sigsetsize: number,
): number {
  if (!signalExists(compatible, signum) || Number(sigsetsize) !== SIGSET_BYTES) return -Errno.EINVAL;
  if (act !== null && act.length !== SIGACTION_BYTES) return -Errno.EINVAL;
  if (oldact !== null) oldact.action = thread.signalActions[signum]?.slice() ?? null;
  if (act !== null) thread.signalActions[signum] = act.slice();
  return 0;
}

/** The answers, by name. Each takes the call's parameters after the context. */
export const answers = {
  getpid: id,
  getuid: id,
  geteuid: id,
  getgid: id,
  getegid: id,
  /** The address is neither read nor written. */
  set_tid_address: (_: AnswerContext, _tidptr: unknown): number => THREAD_ID,
  /** Nothing is read or written: signals are never delivered. */
  rt_sigprocmask: (_: AnswerContext, _how: number, _set: unknown, _oldset: unknown, _sigsetsize: number): number => 0,
  sigaltstack: (_: AnswerContext, _ss: unknown, _oldSs: unknown): number => 0,
  rt_sigaction,
  fstat,
  uname,
  readlink,
  getrandom: ({ random }: AnswerContext, buf: Uint8Array, flags: number): number => getrandom(random, buf, flags),
};

type Tail<F> = F extends (context: AnswerContext, ...rest: infer R) => number ? R : never;

/** Name of a call that is answered in the guest. */
export type AnswerName = keyof typeof answers;
/** What a caller passes to it. */
export type AnswerArguments<N extends AnswerName> = Tail<(typeof answers)[N]>;
