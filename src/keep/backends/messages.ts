/** What passes between keeps and a thread that serves one after another. */
import { type ErrorCode, PosternError } from "../../errors.js";
import type { CallOutcome, Setup } from "./setup.js";

/** An error on its way to another thread. */
export interface PostedError {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly errno: number | undefined;
  readonly offset: number | undefined;
}

/** To the thread. `keep` is the keep's number: an answer that comes late must not reach the next one. */
export type Request = { readonly keep: number } & (
  | { readonly type: "start"; readonly setup: Setup }
  | { readonly type: "call"; readonly id: number; readonly name: string; readonly args: readonly unknown[] }
  | { readonly type: "close" }
);

/** From the thread, about a keep. */
export type KeepReply = { readonly keep: number } & (
  | { readonly type: "started" }
  /** The program wants another thread, which it has counted. */
  | { readonly type: "spawn"; readonly thread: number; readonly argument: number }
  /** `id`: the call that it answers, 0 for the start. */
  | { readonly type: "outcome"; readonly id: number; readonly outcome: CallOutcome }
  /** `ended`: the keep does not go on. */
  | { readonly type: "failed"; readonly id: number; readonly error: PostedError; readonly ended: boolean }
);

/** From the thread. */
export type Reply = { readonly type: "online"; readonly tid: number } | KeepReply;

/** Takes an error apart for posting. */
export function postedError(error: unknown): PostedError {
  if (error instanceof PosternError) {
    return { code: error.code, message: error.message, errno: error.errno, offset: error.offset };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: undefined, message, errno: undefined, offset: undefined };
}

/** Puts a posted error together again. */
export function errorOf(posted: PostedError): Error {
  if (posted.code === undefined) return new Error(posted.message);
  return new PosternError(posted.code, posted.message, {
    ...(posted.errno === undefined ? {} : { errno: posted.errno }),
    ...(posted.offset === undefined ? {} : { offset: posted.offset }),
  });
}
