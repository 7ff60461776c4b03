/** clock_time_get and clock_res_get. */
import { plans } from "../../sallyport/calls.js";
import { CLOCK_THREAD_CPUTIME_ID } from "../../sallyport/linux.js";
import { Clock } from "./abi.js";
import { Errno, errnoOf } from "./errno.js";
import type { Program, WasiFunctions } from "./program.js";
import { setNanoseconds } from "./words.js";

const BILLION = 1_000_000_000;
const ALL_ONES = 0xffffffff;

/** Functions that tell the time, and the start of the keep's own processor time. */
export interface Clocks {
  readonly functions: WasiFunctions;
  /** Processor time counts from here. */
  start(): void;
}

export function createClocks(program: Program): Clocks {
  const { engine, memory } = program;
  const { state } = engine;
  /** Processor time of the thread when the program started, seconds and nanoseconds. */
  const started = { seconds: 0, nanoseconds: 0 };

  function start(): void {
    if (engine.clock(CLOCK_THREAD_CPUTIME_ID) < 0) return;
    started.seconds = engine.seconds();
    started.nanoseconds = state.low;
  }

  /** The seconds stored last, and as nanoseconds: a time's seconds are mostly those of the time before. */
  let lastSeconds = 0;
  const lastTime = new Uint32Array(2);
  const lastView = new DataView(lastTime.buffer);

  /** Stores a time. @returns SUCCESS, or OVERFLOW for what 64 bits do not hold */
  function store(at: number, seconds: number, nanoseconds: number): number {
    if (seconds !== lastSeconds) {
      if (!setNanoseconds(lastView, 0, seconds, 0)) return Errno.OVERFLOW;
      lastSeconds = seconds;
    }
    const before = lastTime[0]!;
    const low = (before + nanoseconds) >>> 0;
    const carry = low < before ? 1 : 0;
    const high = lastTime[1]!;
    if (carry === 1 && high === ALL_ONES) return Errno.OVERFLOW;
    memory.view.setUint32(at, low, true);
    memory.view.setUint32(at + 4, high + carry, true);
    return Errno.SUCCESS;
  }

  function clock_time_get(id: number, _precisionLow: number, _precisionHigh: number, result: number): number {
    const clock = id >>> 0;
    if (clock > Clock.THREAD_CPUTIME) return Errno.INVAL;
    if (!memory.holds(result >>> 0, 8)) return Errno.FAULT;
    if (clock >= Clock.PROCESS_CPUTIME) return processorTime(result >>> 0);
    const told = engine.clock(clock);
    if (told < 0) return errnoOf(told);
    if (state.low >= BILLION) engine.attack();
    return store(result >>> 0, engine.seconds(), state.low);
  }

  /** Time of the keep's own thread: that of the process would tell about others. */
  function processorTime(at: number): number {
    if (engine.clock(CLOCK_THREAD_CPUTIME_ID) < 0) return Errno.BADF;
    if (state.low >= BILLION) engine.attack();
    const since = state.low - started.nanoseconds;
    const borrowed = since < 0 ? 1 : 0;
    return store(at, engine.seconds() - started.seconds - borrowed, since + borrowed * BILLION);
  }

  const resolution = new Uint8Array(16);
  const resolutionView = new DataView(resolution.buffer);

  function clock_res_get(id: number, result: number): number {
    const clock = id >>> 0;
    if (clock > Clock.THREAD_CPUTIME) return Errno.INVAL;
    if (!memory.holds(result >>> 0, 8)) return Errno.FAULT;
    const ofThread = clock >= Clock.PROCESS_CPUTIME;
    const told = engine.call(plans.clock_getres, ofThread ? CLOCK_THREAD_CPUTIME_ID : clock, resolution);
    if (told < 0) return ofThread ? Errno.BADF : errnoOf(told);
    const seconds = resolutionView.getUint32(0, true);
    const nanoseconds = resolutionView.getUint32(8, true);
    if (nanoseconds >= BILLION) engine.attack();
    return store(result >>> 0, seconds, seconds === 0 && nanoseconds === 0 ? 1 : nanoseconds);
  }

  return { functions: { clock_time_get, clock_res_get }, start };
}
