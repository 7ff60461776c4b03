/** The error that every parser and builder of this folder throws for input it cannot accept. */
import { type ErrorFacts, PosternError } from "../errors.js";

/** Why an input was refused. Stable: applications may test it. Documented in docs/measure.md. */
export type MeasureReason =
  /** A page offset is not a multiple of 4096. */
  | "offset-align"
  /** A page lies outside of the enclave. */
  | "offset-range"
  /** The enclave size is not a power of two of at least one page. */
  | "size"
  /** SSAFRAMESIZE is zero or above 32 bits. */
  | "ssaframesize"
  /** A page is added twice. */
  | "duplicate"
  /** W without R. */
  | "write-without-read"
  /** A page type other than TCS and REG. */
  | "page-type"
  /** A reserved SECINFO bit is set. */
  | "secinfo-reserved"
  /** A chunk index is out of range or appears twice. */
  | "chunk"
  /** The content of a page is longer than a page. */
  | "page-data"
  /** An SGXS stream breaks a rule of the canonical form. */
  | "not-canonical"
  /** An SGXS stream without a size cannot be measured. */
  | "unsized"
  /** An SGXS record with an unknown tag. */
  | "bad-tag"
  /** The input ends too early. */
  | "truncated"
  /** A structure of fixed size has another size. */
  | "length"
  /** A quote of another version. */
  | "version"
  /** The signature length of a quote disagrees with its size. */
  | "signature-length"
  /** Two parts of an ELF file claim the same page. */
  | "overlap"
  /** An ELF file that this layout cannot place. */
  | "elf"
  /** A named value is missing, has another type or is out of range. */
  | "field"
  /** The input is larger than the limit. */
  | "limit";

/** A refused input: `reason` says why, `offset` where (in bytes from the start of the input), the message says both in words. */
export class MeasureError extends PosternError {
  readonly reason: MeasureReason;

  /**
   * @param reason stable reason
   * @param message one sentence: what is wrong and where
   * @param facts offset and cause where known
   */
  constructor(reason: MeasureReason, message: string, facts: ErrorFacts = {}) {
    super("EMALFORMED", message, facts);
    this.reason = reason;
  }
}
