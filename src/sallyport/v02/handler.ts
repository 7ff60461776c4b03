/** The door for the program: a call number and six registers in, a result out. */

import type { Call } from "./calls/call.js";
import { descriptorCalls } from "./calls/descriptors.js";
import { Guest, type GuestOptions } from "./calls/guest.js";
import { networkCalls } from "./calls/network.js";
import { type CallName, NUMBERS } from "./calls/numbers.js";
import { processCalls } from "./calls/process.js";
import { systemCalls } from "./calls/system.js";
import { transferCalls } from "./calls/transfer.js";
import { Errno } from "./constants.js";
import type { Result } from "./message.js";
import { Register, type RegisterValue } from "./register.js";

const CALLS: Record<CallName, Call> = {
  ...transferCalls,
  ...descriptorCalls,
  ...networkCalls,
  ...processCalls,
  ...systemCalls,
};

const BY_NUMBER: ReadonlyMap<number, Call> = new Map(
  Object.entries(NUMBERS).map(([name, number]) => [number, CALLS[name as CallName]]),
);

/** From this number on a call has a second return value of its own. */
const ENARX_CALLS = 0xea00;

/** Handles the system calls of the program in a keep. */
export class SyscallHandler {
  readonly guest: Guest;

  /** @throws PosternError EINVALIDARGUMENT for options that cannot be used */
  constructor(options: GuestOptions) {
    this.guest = new Guest(options);
  }

  /**
   * Handles one call. A pointer that does not check out is EFAULT, what does not fit in the block EMSGSIZE, an integer
   * outside of its type EINVAL, an unknown number ENOSYS.
   *
   * @param num number, as on x86-64
   * @param registers rdi, rsi, rdx, r10, r8, r9; missing ones are zero
   * @returns the values of rax and rdx, or an errno. Linux keeps rdx, so Linux calls give the third register back
   * @throws PosternError EATTACKED where the host's reply was impossible, and for every call after that
   */
  syscall(num: RegisterValue, ...registers: readonly RegisterValue[]): Result {
    this.guest.checkAlive();
    const { high, low } = Register.from(num);
    const handle = high === 0 ? BY_NUMBER.get(low) : undefined;
    if (handle === undefined) return { err: Errno.ENOSYS };
    const six = Array.from({ length: 6 }, (_, index) => Register.from(registers[index] ?? 0));
    const result = handle(this.guest, six);
    return "ok" in result && low < ENARX_CALLS ? { ok: [result.ok[0], six[2]!] } : result;
  }
}
