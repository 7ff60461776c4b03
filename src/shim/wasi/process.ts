/** random_get, sched_yield, proc_exit and proc_raise. */
import { plans } from "../../sallyport/calls.js";
import { SIGNAL_MAX } from "./abi.js";
import { Errno, errnoOf } from "./errno.js";
import type { Program, WasiFunctions } from "./program.js";

export function createProcess(program: Program): WasiFunctions {
  const { engine, memory } = program;

  function random_get(buffer: number, length: number): number {
    const start = buffer >>> 0;
    const end = start + (length >>> 0);
    if (!memory.holds(start, length >>> 0)) return Errno.FAULT;
    for (let at = start; at < end; ) {
      const given = engine.fill(plans.getrandom, memory, at, end - at, 0);
      if (given < 0) return errnoOf(given);
      if (given === 0) return Errno.IO;
      at += given;
    }
    return Errno.SUCCESS;
  }

  function sched_yield(): number {
    return errnoOf(engine.numbers(plans.sched_yield));
  }

  /** Never returns: the host notes the code and the way back is a trap. */
  function proc_exit(code: number): never {
    program.exitCode = code >>> 0;
    program.end();
    engine.numbers(plans.exit_group, code);
    program.trap();
  }

  function proc_raise(signal: number): number {
    return signal >>> 0 > SIGNAL_MAX ? Errno.INVAL : Errno.NOTSUP;
  }

  return { random_get, sched_yield, proc_exit, proc_raise };
}
