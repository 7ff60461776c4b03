/** What a fuzzed side of the boundary offers to the driver: cases out of seeds, a run of a case, smaller cases. */
import { inspect } from "node:util";
import { caseSeed, Random } from "./random.js";

/** One side under attack. `C` is a case: plain data that says everything about a run. */
export interface Side<C> {
  readonly name: string;
  /** Makes a case. */
  generate(random: Random): C;
  /** Runs a case. Throws where a property does not hold. */
  run(attempt: C): void;
  /** Simpler cases to try when this one fails. */
  simpler(attempt: C): Iterable<C>;
}

/** What a series of cases came to. */
export interface Series {
  readonly cases: number;
  /** Undefined when every case held. */
  readonly failure: string | undefined;
}

/** When a series ends, at what comes first. */
export interface Bounds {
  readonly seed: number;
  readonly cases?: number;
  readonly seconds?: number;
  /** Run only the case with this number. */
  readonly only?: number;
}

const SHRINK_STEPS_MAX = 500;

function errorOf<C>(side: Side<C>, attempt: C): unknown {
  try {
    side.run(attempt);
    return undefined;
  } catch (error) {
    return error ?? new Error("threw nothing");
  }
}

/** The smallest failing case that can be reached by simplifying. */
function shrink<C>(side: Side<C>, failing: C, error: unknown): { attempt: C; error: unknown } {
  let best = { attempt: failing, error };
  let steps = 0;
  for (let progress = true; progress && steps < SHRINK_STEPS_MAX; ) {
    progress = false;
    for (const attempt of side.simpler(best.attempt)) {
      if (++steps > SHRINK_STEPS_MAX) break;
      const again = errorOf(side, attempt);
      if (again === undefined) continue;
      best = { attempt, error: again };
      progress = true;
      break;
    }
  }
  return best;
}

function describe<C>(side: Side<C>, bounds: Bounds, index: number, failing: C, error: unknown): string {
  const { attempt, error: smallest } = shrink(side, failing, error);
  return [
    `${side.name}: case ${index} of seed ${bounds.seed} breaks a property`,
    `again: npm run fuzz -- --side ${side.name} --seed ${bounds.seed} --only ${index}`,
    `smallest: ${inspect(attempt, { depth: 8, breakLength: 120 })}`,
    smallest instanceof Error ? (smallest.stack ?? smallest.message) : String(smallest),
  ].join("\n");
}

/** Runs cases until one fails or the bounds are reached. */
export function runSeries<C>(side: Side<C>, bounds: Bounds): Series {
  const end = bounds.seconds === undefined ? Number.POSITIVE_INFINITY : performance.now() + bounds.seconds * 1000;
  const cases = bounds.cases ?? Number.POSITIVE_INFINITY;
  const first = bounds.only ?? 0;
  const last = bounds.only === undefined ? cases : bounds.only + 1;
  let index = first;
  for (; index < last && performance.now() < end; index++) {
    const attempt = side.generate(new Random(caseSeed(bounds.seed, index)));
    const error = errorOf(side, attempt);
    if (error !== undefined) {
      return { cases: index - first + 1, failure: describe(side, bounds, index, attempt, error) };
    }
  }
  return { cases: index - first, failure: undefined };
}
