/** The process: its end, its identity, its signals. Also the calls each shim supplies. */
import { Errno } from "../constants.js";
import type { Result } from "../message.js";
import { type Call, call, fail } from "./call.js";
import { type Guest, SIGACTION_SIZE, SIGNALS, success } from "./guest.js";
import { NUMBERS } from "./numbers.js";

const SIGACTION = { size: SIGACTION_SIZE, align: 8 };
const SIGSET_SIZE = 8n;
/** Process, user and group the program believes to be. */
const FAKE_ID = 1000;
const FAKE_THREAD = 1;

function identity(id: number): Call {
  return call([], () => success(id));
}

/** An honest host does not come back from these; one that does is attacking, whatever it answers. */
function leave(num: number): Call {
  return call(["int"], (guest, status) => {
    guest.proxy(num, status);
    return guest.attacked();
  });
}

/** The table is kept inside; no action is ever run. The old action is written even where none was set: zeros. */
function rtSigaction(guest: Guest, signal: number, act: bigint, oldact: bigint, size: bigint): Result {
  if (signal < 0 || signal >= SIGNALS || size !== SIGSET_SIZE) return fail(Errno.EINVAL);
  const action = guest.actions.subarray(signal * SIGACTION_SIZE, (signal + 1) * SIGACTION_SIZE);
  if (oldact !== 0n) {
    const target = guest.check(oldact, SIGACTION, 1, "writable");
    if (target === null) return fail(Errno.EFAULT);
    guest.memory.write(target.address, action);
  }
  if (act !== 0n) {
    const source = guest.check(act, SIGACTION, 1, "readable");
    if (source === null) return fail(Errno.EFAULT);
    guest.memory.read(source.address, action);
  }
  return success();
}

/** Signals are accepted and never delivered. */
function accepted(): Result {
  return success();
}

export const processCalls = {
  exit: leave(NUMBERS.exit),
  exit_group: leave(NUMBERS.exit_group),
  getpid: identity(FAKE_ID),
  getuid: identity(FAKE_ID),
  getgid: identity(FAKE_ID),
  geteuid: identity(FAKE_ID),
  getegid: identity(FAKE_ID),
  set_tid_address: identity(FAKE_THREAD),
  rt_sigaction: call(["int", "word", "word", "word"], rtSigaction),
  rt_sigprocmask: call(["int"], accepted),
  sigaltstack: call([], accepted),
  brk: call(["word"], (guest, ...values) => guest.shim.brk(guest, ...values)),
  mmap: call(["word", "word", "int", "int", "int", "word"], (guest, ...values) => guest.shim.mmap(guest, ...values)),
  munmap: call(["word", "word"], (guest, ...values) => guest.shim.munmap(guest, ...values)),
  madvise: call(["word", "word", "int"], (guest, ...values) => guest.shim.madvise(guest, ...values)),
  mprotect: call(["word", "word", "int"], (guest, ...values) => guest.shim.mprotect(guest, ...values)),
  arch_prctl: call(["int", "word"], (guest, ...values) => guest.shim.arch_prctl(guest, ...values)),
  get_attestation: call(["word", "word", "word", "word"], (guest, ...values) =>
    guest.shim.get_attestation(guest, ...values),
  ),
} satisfies Record<string, Call>;
