/** `struct sgx_enclave_exception` of the v36 posting: 32 bytes, the last 16 reserved and never written. */
import { checkLength, Structure, word64 } from "./bytes.js";
import type { Word } from "./contract.js";

/** Size of the structure. */
export const EXCEPTION_BYTES = 32;

/** Its fields. */
export const EXCEPTION_LAYOUT = {
  leaf: { offset: 0, size: 4 },
  trapnr: { offset: 4, size: 2 },
  error_code: { offset: 6, size: 2 },
  address: { offset: 8, size: 8 },
} as const;

const RESERVED_OFFSET = 16;

/**
 * The exception record a v36 caller passes in. Written at an exception only and never cleared: after a successful call
 * it still tells of the one before.
 */
export class EnclaveException<W extends Word = bigint> {
  leaf = 0;
  trapnr = 0;
  errorCode = 0;
  address: W;
  /** The caller's own 16 bytes. */
  readonly reserved: Uint8Array = new Uint8Array(EXCEPTION_BYTES - RESERVED_OFFSET);

  /** @param zero `0n`, or `0` for a CPU whose words are numbers */
  constructor(zero: W) {
    this.address = zero;
  }

  /** The record of 32 bytes. @throws PosternError EMALFORMED for another length */
  static decode(bytes: Uint8Array): EnclaveException<bigint> {
    checkLength(bytes, EXCEPTION_BYTES, "struct sgx_enclave_exception");
    const structure = new Structure(EXCEPTION_LAYOUT, bytes);
    const exception = new EnclaveException(structure.get("address"));
    exception.leaf = Number(structure.get("leaf"));
    exception.trapnr = Number(structure.get("trapnr"));
    exception.errorCode = Number(structure.get("error_code"));
    exception.reserved.set(bytes.subarray(RESERVED_OFFSET));
    return exception;
  }

  /** The 32 bytes of the structure. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(EXCEPTION_BYTES);
    const structure = new Structure(EXCEPTION_LAYOUT, bytes);
    structure.set("leaf", this.leaf);
    structure.set("trapnr", this.trapnr);
    structure.set("error_code", this.errorCode);
    structure.set("address", word64(this.address, "The fault address"));
    bytes.set(this.reserved, RESERVED_OFFSET);
    return bytes;
  }
}

/** An exception record, all zero, for a CPU whose words are BigInts. */
export function createException(): EnclaveException<bigint> {
  return new EnclaveException<bigint>(0n);
}
