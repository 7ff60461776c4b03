/** Lays out a small enclave, so that a caller need not: data pages first, then for each thread a TCS and its frames. */
import { PosternError } from "../../errors.js";
import type { EnclaveProgram } from "./code.js";
import { SoftwareEnclave } from "./enclave.js";
import { Attribute, PAGE_BYTES, Permission } from "./layout.js";
import { PAGES_MAX } from "./memory.js";

/** Where an enclave lies unless the caller says otherwise: a multiple of every size up to 1 GiB. */
const BASE_DEFAULT = 0x7f40_0000_0000n;

/** Frames for each thread: the program, its exception handler, and one more. */
const NSSA_DEFAULT = 3;

/** A piece of enclave memory. */
export interface EnclaveData {
  /** {@link Permission} bits. */
  readonly permissions: number;
  /** Contents; also tells the number of pages, at least one. */
  readonly bytes: Uint8Array;
}

/** What to build. */
export interface BuildOptions {
  readonly code: EnclaveProgram;
  /** Number of threads; 1. */
  readonly threads?: number;
  /** SSA frames of each thread; 3. */
  readonly nssa?: number;
  readonly data?: readonly EnclaveData[];
  /** Lets the host look inside; 0. Never accept such an enclave from an attestation. */
  readonly debug?: boolean;
  readonly base?: bigint;
}

/** An initialised enclave and where its parts are. */
export interface BuiltEnclave {
  readonly enclave: SoftwareEnclave;
  /** Addresses of the TCSs. */
  readonly threads: readonly bigint[];
  /** Addresses of the pieces of data, in their order. */
  readonly data: readonly bigint[];
}

/** Builds and initialises an enclave. @throws PosternError EINVALIDARGUMENT if it does not fit its limits */
export function buildEnclave(options: BuildOptions): BuiltEnclave {
  const { code, threads = 1, nssa = NSSA_DEFAULT, data = [], debug = false, base = BASE_DEFAULT } = options;
  const pageCounts = data.map(({ bytes }) => Math.max(1, Math.ceil(bytes.byteLength / PAGE_BYTES)));
  const pages = pageCounts.reduce((sum, count) => sum + count, 0) + threads * (1 + nssa);
  if (!Number.isInteger(threads) || !Number.isInteger(nssa) || threads < 1 || nssa < 1 || pages > PAGES_MAX) {
    throw new PosternError(
      "EINVALIDARGUMENT",
      `An enclave has at least one thread and one frame, and ${PAGES_MAX} pages.`,
    );
  }
  const size = BigInt(PAGE_BYTES) << BigInt(Math.ceil(Math.log2(pages)));
  const attributes = Attribute.MODE64BIT | (debug ? Attribute.DEBUG : 0n);
  const enclave = new SoftwareEnclave({ base, size, attributes, code });
  let offset = 0;
  const take = (count: number): number => {
    offset += count * PAGE_BYTES;
    return offset - count * PAGE_BYTES;
  };
  const addRegular = (count: number, permissions: number, bytes: Uint8Array): number => {
    const start = take(count);
    for (let page = 0; page < count; page++) {
      const at = page * PAGE_BYTES;
      enclave.addPage(start + at, permissions, bytes.subarray(at, at + PAGE_BYTES));
    }
    return start;
  };
  const pieces = data.map((piece, index) => addRegular(pageCounts[index]!, piece.permissions, piece.bytes));
  const addresses = Array.from({ length: threads }, () => {
    const tcs = take(1);
    const ossa = addRegular(nssa, Permission.R | Permission.W, new Uint8Array(0));
    return enclave.addThread({ offset: tcs, ossa, nssa });
  });
  enclave.initialise();
  return { enclave, threads: addresses, data: pieces.map((piece) => base + BigInt(piece)) };
}
