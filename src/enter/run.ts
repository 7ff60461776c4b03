/** `struct sgx_enclave_run` of Linux 5.11 and later: 256 bytes, of which the last 216 must be zero. */
import { PosternError } from "../errors.js";
import { checkLength, Structure, word64 } from "./bytes.js";
import type { Registers, Word } from "./contract.js";
import type { Handles } from "./handles.js";

/** Size of the structure. */
export const RUN_BYTES = 256;

/** Its fields, with the names of `asm/sgx.h`. */
export const RUN_LAYOUT = {
  tcs: { offset: 0, size: 8 },
  function: { offset: 8, size: 4 },
  exception_vector: { offset: 12, size: 2 },
  exception_error_code: { offset: 14, size: 2 },
  exception_addr: { offset: 16, size: 8 },
  user_handler: { offset: 24, size: 8 },
  user_data: { offset: 32, size: 8 },
} as const;

const RESERVED_OFFSET = 40;

/**
 * A handler of the merged contract. The registers are as they are at the exit (undefined after an exception); `run` is
 * the caller's structure and may be changed. `registers` is what the handler leaves behind for the next entry.
 *
 * @returns > 0: enter again with that leaf; 0: done; < 0: give up, the call returns that number
 */
export type MergedHandler<W extends Word = bigint, Data = unknown> = (
  rdi: W,
  rsi: W,
  rdx: W,
  rsp: W,
  r8: W,
  r9: W,
  run: EnclaveRun<W, Data>,
  registers: Registers<W>,
) => number;

/** The run structure as an object. `function` and the exception fields are outputs, and stale unless just written. */
export class EnclaveRun<W extends Word = bigint, Data = unknown> {
  /** Read at every entry. */
  tcs: W;
  /** 4 after EEXIT; EAX of the trap (2 or 3) after an exception. The only reliable sign of an exception. */
  function = 0;
  exceptionVector = 0;
  exceptionErrorCode = 0;
  exceptionAddress: W;
  /** Read at every exit; may replace or remove itself. */
  userHandler: MergedHandler<W, Data> | null = null;
  /** The caller's own value: passed through, never looked at. */
  userData: Data;
  private reservedBytes: Uint8Array | null = null;

  /**
   * @param tcs address of the TCS to enter
   * @param zero `0n`, or `0` for a CPU whose words are numbers
   * @param userData any value
   */
  constructor(tcs: W, zero: W, userData: Data) {
    this.tcs = tcs;
    this.exceptionAddress = zero;
    this.userData = userData;
  }

  /** The 216 reserved bytes. They exist once somebody asks for them: until then they are zero and cost nothing. */
  get reserved(): Uint8Array {
    this.reservedBytes ??= new Uint8Array(RUN_BYTES - RESERVED_OFFSET);
    return this.reservedBytes;
  }

  /** True if any reserved byte is set: the call refuses such a structure with -EINVAL. */
  hasReservedBits(): boolean {
    return this.reservedBytes !== null && isSet(this.reservedBytes);
  }

  /**
   * The structure of 256 bytes.
   * @param handles where the numbers in `user_handler` and `user_data` were given out
   * @throws PosternError EMALFORMED for another length; EINVALIDARGUMENT if `user_handler` is no handler of `handles`
   */
  static decode(bytes: Uint8Array, handles: Handles): EnclaveRun<bigint, unknown> {
    checkLength(bytes, RUN_BYTES, "struct sgx_enclave_run");
    const structure = new Structure(RUN_LAYOUT, bytes);
    const data = structure.get("user_data");
    const run = new EnclaveRun<bigint, unknown>(
      structure.get("tcs"),
      structure.get("exception_addr"),
      handles.has(data) ? handles.valueOfHandle(data) : data,
    );
    run.function = Number(structure.get("function"));
    run.exceptionVector = Number(structure.get("exception_vector"));
    run.exceptionErrorCode = Number(structure.get("exception_error_code"));
    run.userHandler = handlerOf(structure.get("user_handler"), handles);
    const reserved = bytes.subarray(RESERVED_OFFSET);
    if (reserved.some((byte) => byte !== 0)) run.reserved.set(reserved);
    return run;
  }

  /** The 256 bytes. A handler, and user data that is no number, appear as their handle in `handles`. */
  encode(handles: Handles): Uint8Array {
    const bytes = new Uint8Array(RUN_BYTES);
    const structure = new Structure(RUN_LAYOUT, bytes);
    structure.set("tcs", word64(this.tcs, "The TCS address"));
    structure.set("function", this.function);
    structure.set("exception_vector", this.exceptionVector);
    structure.set("exception_error_code", this.exceptionErrorCode);
    structure.set("exception_addr", word64(this.exceptionAddress, "The fault address"));
    structure.set("user_handler", this.userHandler === null ? 0n : handles.handleOf(this.userHandler));
    structure.set("user_data", dataWord(this.userData, handles));
    if (this.reservedBytes !== null) bytes.set(this.reservedBytes, RESERVED_OFFSET);
    return bytes;
  }
}

/**
 * A run structure for a CPU whose words are BigInts.
 *
 * @param tcs address of the TCS to enter
 * @param userHandler asked at each exit; null: the first exit ends the call
 * @param userData passed through to the handler, in `run.userData`
 */
export function createRun<Data = null>(
  tcs: bigint,
  userHandler: MergedHandler<bigint, Data> | null = null,
  userData: Data = null as Data,
): EnclaveRun<bigint, Data> {
  const run = new EnclaveRun<bigint, Data>(tcs, 0n, userData);
  run.userHandler = userHandler;
  return run;
}

function isSet(bytes: Uint8Array): boolean {
  return bytes.some((byte) => byte !== 0);
}

function handlerOf(handle: bigint, handles: Handles): MergedHandler | null {
  if (handle === 0n) return null;
  const handler = handles.valueOfHandle(handle);
  if (typeof handler === "function") return handler as MergedHandler;
  throw new PosternError("EINVALIDARGUMENT", `user_handler 0x${handle.toString(16)} is no handler of this table.`);
}

function dataWord(data: unknown, handles: Handles): bigint {
  if (data === null || data === undefined) return 0n;
  if (typeof data === "bigint") return BigInt.asUintN(64, data);
  if (typeof data === "number" && Number.isSafeInteger(data)) return BigInt.asUintN(64, BigInt(data));
  return handles.handleOf(data);
}
