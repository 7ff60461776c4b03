/** Which calls the host's short way in WebAssembly carries out, and how: worked out from the table of calls, as everything. */
import { PLAN_COUNT, Way as ShortWay } from "../short-way/layout.js";
import { HOST_PLANS, type HostPlan, Way } from "./plans.js";

/** Those that are told by their name: their hooks do more than a shape says. */
const BY_NAME: Readonly<Record<string, number>> = {
  openat2: ShortWay.OPEN,
  close: ShortWay.CLOSE,
  statx: ShortWay.STATUS,
};
const BY_WAY: Readonly<Record<number, number>> = {
  [Way.TRANSFER]: ShortWay.TRANSFER,
  [Way.TRANSFER_AT]: ShortWay.TRANSFER,
  [Way.FILL]: ShortWay.FILL,
  [Way.SEEK]: ShortWay.SEEK,
  [Way.CLOCK]: ShortWay.CLOCK,
};

function shortWayOf({ plan, way, native }: HostPlan): number {
  return native < 0 ? ShortWay.OTHER : (BY_NAME[plan.name] ?? BY_WAY[way] ?? ShortWay.OTHER);
}

/** Calls whose lines in a trace the short way writes: a descriptor, a buffer, at most a position. */
export const TRACED_CALLS = HOST_PLANS.filter(
  (each) => each !== undefined && shortWayOf(each) === ShortWay.TRANSFER,
).map((each) => each!.plan.name);

/** Fills the table of the short way. @param table {@link PLAN_COUNT} words */
export function writeShortWays(table: Uint32Array): void {
  for (const [number, each] of HOST_PLANS.entries()) {
    if (each === undefined || number >= PLAN_COUNT) continue;
    const way = shortWayOf(each);
    const name = TRACED_CALLS.indexOf(each.plan.name) + 1;
    if (way !== ShortWay.OTHER) table[number] = way | (each.right << 8) | (each.native << 16) | (name << 26);
  }
}
