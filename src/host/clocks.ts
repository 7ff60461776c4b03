/** Which clocks a keep may read. */
import { CLOCK_PROCESS_CPUTIME_ID, Errno } from "../sallyport/linux.js";
import { derived, type Hook } from "./derived.js";

/** CLOCK_TAI, the last of the clocks with a number of their own. Negative numbers name other processes and devices. */
const CLOCK_MAX = 11;

/**
 * Whether a clock tells nothing about others: not the time of the whole process, of other processes, or of devices.
 * @param clock number as an unsigned 32-bit value
 */
export function isOwnClock(clock: number): boolean {
  return clock <= CLOCK_MAX && clock !== CLOCK_PROCESS_CPUTIME_ID;
}

const clock_getres: Hook = (core, request, plan) => {
  const allowed = core.policy.unrestricted === true || (request.words[1] === 0 && isOwnClock(request.words[0]!));
  return allowed ? derived(core, request, plan) : -Errno.EINVAL;
};

/** The hook of this file, by the name a description gives. */
export const clockHooks: Readonly<Record<string, Hook>> = { clock_getres };
