/** Several calls staged into one block and handed over once. */

import type { Plan } from "../sallyport/call.js";
import { type CallArguments, type CallName, plans } from "../sallyport/calls.js";
import { Errno } from "../sallyport/linux.js";
import { type AnswerArguments, type AnswerContext, type AnswerName, answers } from "./answers.js";
import type { BatchEntry, BatchResult, Engine } from "./engine.js";
import { gates } from "./gates.js";

/** Name of a call that can be a member of a batch. */
export type RequestName = Exclude<CallName, AnswerName> | AnswerName;
/** What a caller passes to it; `open` may be without a mode. */
export type RequestArguments<N extends RequestName> = N extends AnswerName
  ? AnswerArguments<N>
  : N extends "open"
    ? [pathname: Uint8Array, flags: number, mode?: number | null]
    : N extends CallName
      ? CallArguments<N>
      : never;

/** A member of a batch, made by {@link request}. */
export class Request {
  constructor(
    readonly name: RequestName,
    readonly args: readonly unknown[],
  ) {}
}

/** Calls in order; a list inside a list is a batch of its own in the results. */
export type Batch = readonly (Request | Batch)[];
/** Results in the shape of the batch. */
export type BatchResults = readonly (BatchResult | BatchResults)[];

/** Members of a batch at most; more do not fit in any block that shims use. */
const MEMBERS_MAX = 4096;
/** Lists inside lists at most. */
const DEPTH_MAX = 64;

/**
 * A call as a member of a batch.
 * @param name of the call
 * @param args as for the method of that name
 */
export function request<N extends RequestName>(name: N, ...args: RequestArguments<N>): Request {
  return new Request(name, args);
}

/** A call as the table has it: a missing mode of `open` is zero. */
export function entryOf(name: CallName, args: readonly unknown[]): BatchEntry {
  const plan: Plan = plans[name];
  return name === "open" ? { plan, args: [args[0], args[1], args[2] ?? 0] } : { plan, args };
}

/** All members in order. @returns null for a batch that is too large or too deep */
function flatten(batch: Batch, depth: number, into: Request[]): Request[] | null {
  if (depth > DEPTH_MAX) return null;
  for (const member of batch) {
    if (member instanceof Request) into.push(member);
    else if (flatten(member, depth + 1, into) === null) return null;
    if (into.length > MEMBERS_MAX) return null;
  }
  return into;
}

/** Puts flat results into the shape of the batch. */
function shaped(batch: Batch, results: Iterator<BatchResult>): BatchResults {
  return batch.map((member) => (member instanceof Request ? results.next().value : shaped(member, results)));
}

const resultOf = (value: number): BatchResult => (value < 0 ? { value, errno: -value } : { value, errno: 0 });

/** How each member is dealt with: an entry for the host, or a function that gives the guest's answer. */
type Prepared = BatchEntry | ((context: AnswerContext) => number);

/** @returns the member prepared, or the errno of a staging error */
function prepare({ name, args }: Request): Prepared | number {
  if (Object.hasOwn(answers, name)) {
    const answer = answers[name as AnswerName] as (context: AnswerContext, ...args: readonly unknown[]) => number;
    return (context) => answer(context, ...args);
  }
  const gate = gates[name as CallName];
  const value = gate?.answer(...args);
  if (value === undefined) return entryOf(name as CallName, args);
  return gate!.stagingError && value < 0 ? -value : () => value;
}

/**
 * Carries a batch out.
 * @returns results in the shape of the batch, or -errno when staging or the hand-over failed. A member whose reply was
 *   impossible has the value null
 */
export function runBatch(engine: Engine, context: AnswerContext, batch: Batch): BatchResults | number {
  const refused = engine.ready();
  if (refused !== 0) return refused;
  const members = flatten(batch, 0, []);
  if (members === null) return engine.settle(-Errno.E2BIG);
  const prepared: Prepared[] = [];
  for (const member of members) {
    const each = prepare(member);
    if (typeof each === "number") return engine.settle(-each);
    prepared.push(each);
  }
  const replies = engine.batch(prepared.filter((each) => typeof each !== "function"));
  if (typeof replies === "number") return replies;
  let next = 0;
  const results = prepared.map((each) => (typeof each === "function" ? resultOf(each(context)) : replies[next++]!));
  return shaped(batch, results.values());
}
