/**
 * The one error class of Postern and its list of codes.
 *
 * A code is stable: applications may test it. The message is one sentence that says what happened and, where somebody
 * can do something about it, what to do. `cause` holds what was caught, if anything was.
 */

/** Every code a {@link PosternError} can carry. Documented in docs/library.md. */
export type ErrorCode =
  /** An argument or an option has a value that cannot be used. */
  | "EINVALIDARGUMENT"
  /** A configuration or another input file is malformed. `offset` tells where. */
  | "EMALFORMED"
  /** A block breaks the rules of the protocol. */
  | "EBADBLOCK"
  /** The host gave an impossible reply; the keep has stopped. */
  | "EATTACKED"
  /** The program cannot run here: wrong format, version, imports or exports. */
  | "EBADPROGRAM"
  /** A file or directory that was named cannot be opened. */
  | "ENOTFOUND"
  /** The operating system refused or lacks something that is needed. */
  | "EUNSUPPORTED"
  /** Memory, descriptors or another resource could not be had. */
  | "ERESOURCE"
  /** A system call failed outside of a keep; `errno` tells how. */
  | "ESYSTEM"
  /** The keep was stopped before it finished. */
  | "ESTOPPED";

/** Further facts a {@link PosternError} may carry. */
export interface ErrorFacts {
  /** What was caught and led to this error. */
  readonly cause?: unknown;
  /** Linux errno, positive, where a system call was the reason. */
  readonly errno?: number;
  /** Byte offset in the input, where the input was malformed. */
  readonly offset?: number;
}

/** An error of Postern itself, never one of the program in the keep. */
export class PosternError extends Error {
  override readonly name = "PosternError";
  readonly code: ErrorCode;
  readonly errno: number | undefined;
  readonly offset: number | undefined;

  /**
   * @param code stable code
   * @param message one sentence: what happened and what to do
   * @param facts cause, errno, offset where known
   */
  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.errno = facts.errno;
    this.offset = facts.offset;
  }
}
