/** Sizes and durations as people write them: on the command line, in configuration files, in the options of the library. */
import { PosternError } from "./errors.js";

/** Longest duration in milliseconds: what the timers of Node can hold, a little under 25 days. */
export const DURATION_MS_MAX = 2 ** 31 - 1;

/** One letter or `...iB` counts in 1024, `...B` in 1000, as GNU tools do. */
const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["b", 1],
  ["k", 2 ** 10],
  ["kib", 2 ** 10],
  ["kb", 10 ** 3],
  ["m", 2 ** 20],
  ["mib", 2 ** 20],
  ["mb", 10 ** 6],
  ["g", 2 ** 30],
  ["gib", 2 ** 30],
  ["gb", 10 ** 9],
  ["t", 2 ** 40],
  ["tib", 2 ** 40],
  ["tb", 10 ** 12],
]);

const DURATION_UNITS_MS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

const NUMBER_AND_UNIT = /^(\d{1,15}(?:\.\d{1,9})?) ?([a-z]*)$/i;

/**
 * Reads a size.
 *
 * @param text a number and a unit: `256MiB`, `64k`, `1.5G`, or bytes without a unit
 * @returns whole bytes
 * @throws PosternError EINVALIDARGUMENT
 */
export function parseSize(text: string): number {
  const [number, factor] = numberAndFactor(text, (unit) => SIZE_UNITS.get(unit.toLowerCase()));
  const bytes = number * factor;
  if (!Number.isInteger(bytes) || !Number.isSafeInteger(bytes)) {
    throw invalid(text, "a size such as 256MiB, 64k or a number of bytes");
  }
  return bytes;
}

/**
 * Reads a duration.
 *
 * @param text a number and a unit: `5s`, `250ms`, `1.5m`, `2h`, `1d`
 * @returns milliseconds, rounded up to whole ones; at least 1, at most {@link DURATION_MS_MAX}
 * @throws PosternError EINVALIDARGUMENT
 */
export function parseDuration(text: string): number {
  const [number, factor] = numberAndFactor(text, (unit) => DURATION_UNITS_MS.get(unit));
  const milliseconds = Math.ceil(number * factor);
  if (Number.isNaN(milliseconds)) throw invalid(text, "a duration with its unit, such as 5s, 250ms, 2m or 1h");
  if (milliseconds < 1) throw invalid(text, "a duration longer than zero, such as 5s");
  if (milliseconds > DURATION_MS_MAX) throw invalid(text, "a duration of at most 24 days, such as 12h");
  return milliseconds;
}

/** NaN and NaN where the text is no number, or its unit is unknown. */
function numberAndFactor(text: string, factorOf: (unit: string) => number | undefined): [number, number] {
  const match = NUMBER_AND_UNIT.exec(text);
  const factor = match === null ? undefined : factorOf(match[2]!);
  return match === null || factor === undefined ? [Number.NaN, Number.NaN] : [Number(match[1]), factor];
}

function invalid(text: string, expected: string): PosternError {
  return new PosternError("EINVALIDARGUMENT", `"${text}" was given; expected ${expected}`);
}
