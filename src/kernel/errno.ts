/** Names and texts of errno values, and the errors made of them. */
import { PosternError } from "../errors.js";
import { ERRORS } from "./generated/errors.js";

/** Linux name of an errno, such as `ENOENT`; `E` and the number for one that has no name. Takes -errno as well. */
export function errnoName(errno: number): string {
  const number = Math.abs(errno);
  return ERRORS[number]?.[0] ?? `E${number}`;
}

/** What an errno means, in a few words. Takes -errno as well. */
export function errnoText(errno: number): string {
  const number = Math.abs(errno);
  return ERRORS[number]?.[1] ?? `error ${number}`;
}

/** Turns a failed system call into an error that says what was tried. Passes any other result on. */
export function check(result: number, what: string): number {
  if (result >= 0) return result;
  throw new PosternError("ESYSTEM", `${what} failed: ${errnoText(result)} (${errnoName(result)}).`, { errno: -result });
}
