/**
 * The engine: carries out described calls over a block, in three phases. Stage allocates and writes nothing; commit
 * writes header, arguments and inputs; after the hand-over, collect reads and checks the reply.
 *
 * What the guest wrote it never reads back: offsets and lengths stay in private memory, and each word of the reply is
 * read once. An impossible reply ends the keep.
 */
import { type Plan, Result } from "../sallyport/call.js";
import { HEADER_BYTES } from "../sallyport/constants.js";
import { Errno } from "../sallyport/linux.js";
import { createCollecting } from "./collecting.js";
import type { BatchEntry, BatchResult, Engine, EngineOptions } from "./engine-types.js";
import { createFastRoutes } from "./fast.js";
import { createStaging, newStaged, type Staged } from "./staging.js";
import { createWire } from "./wire.js";

export type { BatchEntry, BatchResult, Engine, EngineOptions, EngineState, TransferMemory } from "./engine-types.js";
export { attackedError } from "./wire.js";

/** Makes the engine of a block. */
export function createEngine(options: EngineOptions): Engine {
  const wire = createWire(options);
  const { bytes, compatible, sally, state, fail, stop, attack, ready, writeEnd } = wire;
  const routes = createFastRoutes(wire, options.window === true);
  const { stage, commit } = createStaging(wire);
  const { collect, wasImpossible } = createCollecting(wire);
  const single = newStaged();

  function settle(value: number): number {
    state.errno = value < 0 ? -value : 0;
    return value;
  }

  /** Stages, commits, hands over. @returns 0 or an errno */
  function send(plan: Plan, args: readonly unknown[]): number {
    if (ready() !== 0) return Errno.ENOMEM;
    const refused = stage(single, plan, args, 0);
    if (refused !== 0) return refused;
    commit(single);
    writeEnd(HEADER_BYTES + single.size);
    const error = sally();
    if (error !== 0) return error;
    // A detached or shrunk block: nothing in it can be believed.
    return bytes.byteLength < HEADER_BYTES + single.size ? Errno.EFAULT : 0;
  }

  function call(plan: Plan, ...args: readonly unknown[]): number {
    const error = send(plan, args);
    if (error !== 0) return fail(error);
    const value = collect(single);
    if (wasImpossible()) attack();
    return value;
  }

  function callWide(plan: Plan, ...args: readonly unknown[]): bigint {
    const value = call(plan, ...args);
    return state.errno !== 0 ? BigInt(value) : (BigInt(state.high) << 32n) | BigInt(state.low);
  }

  function batch(entries: readonly BatchEntry[]): BatchResult[] | number {
    const unready = ready();
    if (unready !== 0) return unready;
    const staged: Staged[] = [];
    let position = 0;
    for (const entry of entries) {
      const each = newStaged();
      const refused = stage(each, entry.plan, entry.args, position);
      if (refused !== 0) return fail(refused);
      position += HEADER_BYTES + each.size;
      staged.push(each);
    }
    if (staged.length === 0) return [];
    for (const each of staged) commit(each);
    writeEnd(position);
    const error = sally();
    if (error !== 0) return fail(error);
    if (bytes.byteLength < position) return fail(Errno.EFAULT);
    let lied = false;
    const results = staged.map((each) => {
      const value = collect(each);
      if (wasImpossible()) {
        lied = true;
        return { value: null, errno: 0 };
      }
      const wide = each.plan.result === Result.WORD && state.errno === 0;
      return {
        value: wide ? (BigInt(state.high) << 32n) | BigInt(state.low) : value,
        errno: state.errno,
      };
    });
    // The original leaves it to the caller to stop.
    if (lied && !compatible) stop();
    return results;
  }

  return { ...routes, state, compatible, ready, settle, call, callWide, batch, attack };
}
