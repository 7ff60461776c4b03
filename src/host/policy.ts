/** What a host lets its keep do. Deny is the default: a call or a resource that is not allowed here does not happen. */
import type { CallName } from "../sallyport/calls.js";
import { BLOCK_ITEMS_MAX } from "../sallyport/constants.js";
import type { Request } from "./request.js";

/** Rules for one keep. Descriptors and directories are granted apart from it, as rows of the descriptor table. */
export interface Policy {
  /**
   * Calls that are refused, and with which errno (positive; EPERM and ENOSYS are customary). All others of the table are
   * allowed on what was granted.
   */
  readonly refuse?: Readonly<Partial<Record<CallName, number>>>;
  /** The keep may make sockets, bind and connect them. Default false: only sockets that were granted. */
  readonly sockets?: boolean;
  /** Device files in granted directories may be opened. Default false: only null, zero, full, random and urandom. */
  readonly devices?: boolean;
  /** Absolute paths that sallyport's `open` may open for reading. Default: none. */
  readonly files?: readonly string[];
  /**
   * Looks at each request before it is carried out. What it sees is what is done, also where other threads of the guest can
   * write the block. @returns 0, or a positive errno to refuse it with
   */
  readonly decide?: (request: Request) => number;
  /**
   * Everything the process itself may do, any path and request included, as the original's library host. For tests of
   * the protocol and for hosts that are confined by other means. Default false.
   */
  readonly unrestricted?: boolean;
}

/** Bounds on what one keep may use. */
export interface Limits {
  /** Most descriptors at a time. */
  readonly descriptors: number;
  /** Bytes the keep may write in all, to streams, files and sockets; what goes beyond is refused with EFBIG. */
  readonly outputBytes: number;
  /** Items executed in one block; more make the block malformed. */
  readonly items: number;
}

/** Limits that apply when none are given. */
export const DEFAULT_LIMITS: Limits = {
  descriptors: 1024,
  outputBytes: Number.POSITIVE_INFINITY,
  items: BLOCK_ITEMS_MAX,
};

/** Sees every call of a keep: traces, recorders, counters. */
export interface Observer {
  /** Before a call is carried out, after its checks. */
  before?(request: Request): void;
  /** After it. The result is in the request. */
  after?(request: Request): void;
}
