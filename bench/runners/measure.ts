/** Times a function in a process that does nothing else, and prints the figures as the programs in C do. */
import { addressOf, vdsoClockGettime } from "#src/kernel/index.js";

const CLOCK_MONOTONIC = 1;
const CLOCK_THREAD_CPUTIME_ID = 3;
const time = new BigInt64Array(2);
const address = addressOf(time);

function now(clock: number): number {
  vdsoClockGettime(clock, address);
  return Number(time[0]!) * 1e9 + Number(time[1]!);
}

/**
 * Measures a loop.
 * @param calls how many calls it makes
 */
export function measure(subject: string, calls: number, loop: (calls: number) => void): void {
  const cpu = now(CLOCK_THREAD_CPUTIME_ID);
  const wall = now(CLOCK_MONOTONIC);
  loop(calls);
  const line = { subject, calls, wall: now(CLOCK_MONOTONIC) - wall, cpu: now(CLOCK_THREAD_CPUTIME_ID) - cpu };
  process.stderr.write(`${JSON.stringify(line)}\n`);
}

/** `NAME=CALLS` of the command line. */
export function request(text: string): { readonly name: string; readonly calls: number } {
  const [name = "", calls = ""] = text.split("=");
  return { name, calls: Number(calls) };
}
