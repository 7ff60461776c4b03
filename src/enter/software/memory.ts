/** The pages of an enclave: what EADD put there, who may touch it how, and the fault of whoever may not. */
import { PosternError } from "../../errors.js";
import { Trap } from "../contract.js";
import { PAGE_BYTES, PageType, Permission } from "./layout.js";

/** Most pages of one software enclave (256 MiB). */
export const PAGES_MAX = 65_536;

/** Bits of a page fault's error code. */
export const PageFault = { P: 1, W: 2, U: 4, RSVD: 8, ID: 16, PK: 32, SGX: 0x8000 } as const;

/** An exception of code inside. Thrown by a memory access, or yielded by a program; never a bug of this process. */
export class EnclaveFault extends Error {
  override readonly name = "EnclaveFault";
  readonly kind = "fault";
  readonly vector: number;
  readonly errorCode: number;
  /** What the access touched. What the caller hears of it is the CPU's business. */
  readonly address: bigint;

  constructor(vector: number, errorCode = 0, address = 0n) {
    super(`fault: vector ${vector}, error code 0x${errorCode.toString(16)}, address 0x${address.toString(16)}`);
    this.vector = vector;
    this.errorCode = errorCode;
    this.address = address;
  }
}

/** One page. */
export interface Page {
  readonly type: number;
  readonly bytes: Uint8Array;
  /** What the enclave page map allows: set when the page was added, widened from inside only. */
  permissions: number;
  /** What the page table of the host allows. */
  mapped: number;
}

/** Kind of an access: the permission it needs. */
export type Access = (typeof Permission)[keyof typeof Permission];

const ALL = Permission.R | Permission.W | Permission.X;

/** The address range of an enclave and its pages. */
export class EnclaveMemory {
  readonly base: bigint;
  readonly size: bigint;
  readonly #pages = new Map<number, Page>();

  constructor(base: bigint, size: bigint) {
    const aligned = size >= BigInt(PAGE_BYTES) && (size & (size - 1n)) === 0n && base % size === 0n;
    if (base < 0n || !aligned || base + size > 1n << 64n) {
      throw new PosternError(
        "EINVALIDARGUMENT",
        "The enclave's size must be a power of two of at least a page, and its base a multiple of the size.",
      );
    }
    this.base = base;
    this.size = size;
  }

  /** Adds a page at `offset`. `data` may be shorter than the page. */
  add(offset: number, type: number, permissions: number, data: Uint8Array = new Uint8Array(0)): Page {
    this.#checkAdd(offset, type, permissions, data);
    const bytes = new Uint8Array(PAGE_BYTES);
    bytes.set(data);
    const page: Page = { type, bytes, permissions: type === PageType.TCS ? 0 : permissions, mapped: ALL };
    this.#pages.set(offset / PAGE_BYTES, page);
    return page;
  }

  #checkAdd(offset: number, type: number, permissions: number, data: Uint8Array): void {
    const refuse = (reason: string): never => {
      throw new PosternError("EINVALIDARGUMENT", `Page at offset ${offset}: ${reason}.`);
    };
    if (!Number.isSafeInteger(offset) || offset < 0 || offset % PAGE_BYTES !== 0) refuse("not page aligned");
    if (BigInt(offset) >= this.size) refuse("outside of the enclave");
    if (type !== PageType.TCS && type !== PageType.REG) refuse("type is neither TCS nor REG");
    if ((permissions & ~ALL) !== 0) refuse("unknown permission bits");
    if ((permissions & Permission.W) !== 0 && (permissions & Permission.R) === 0) refuse("writable but not readable");
    if (data.byteLength > PAGE_BYTES) refuse(`has ${data.byteLength} bytes of data, more than a page`);
    if (this.#pages.has(offset / PAGE_BYTES)) refuse("was added before");
    if (this.#pages.size >= PAGES_MAX) refuse(`an enclave has at most ${PAGES_MAX} pages`);
  }

  /** The page that holds `address`, if there is one. */
  pageAt(address: bigint): Page | undefined {
    if (address < this.base || address >= this.base + this.size) return undefined;
    return this.#pages.get(Number((address - this.base) / BigInt(PAGE_BYTES)));
  }

  /** Offsets of all pages of a type, in the order of addresses. */
  offsetsOf(type: number): number[] {
    const offsets = [...this.#pages].filter(([, page]) => page.type === type).map(([index]) => index * PAGE_BYTES);
    return offsets.sort((a, b) => a - b);
  }

  /** The page at `address` if code inside may touch it so. @throws EnclaveFault #PF */
  access(address: bigint, access: Access): Page {
    const page = this.pageAt(address);
    const wanted = access === Permission.W ? PageFault.W : access === Permission.X ? PageFault.ID : 0;
    if (page === undefined || (page.mapped & ALL) === 0) {
      throw new EnclaveFault(Trap.PF, PageFault.U | wanted, address);
    }
    if ((page.mapped & access) === 0) throw new EnclaveFault(Trap.PF, PageFault.P | PageFault.U | wanted, address);
    if (page.type !== PageType.REG || (page.permissions & access) === 0) {
      throw new EnclaveFault(Trap.PF, PageFault.SGX | PageFault.P | PageFault.U | wanted, address);
    }
    return page;
  }

  /** Reads as code inside. @throws EnclaveFault */
  read(address: bigint, length: number): Uint8Array {
    const result = new Uint8Array(this.#checkLength(length));
    this.#eachPiece(address, length, (piece, done) => {
      const page = this.access(piece.address, Permission.R);
      result.set(page.bytes.subarray(piece.at, piece.at + piece.length), done);
    });
    return result;
  }

  /** Writes as code inside: all bytes, or none and the fault of the first page that refuses. @throws EnclaveFault */
  write(address: bigint, bytes: Uint8Array): void {
    this.#eachPiece(address, bytes.byteLength, (piece) => void this.access(piece.address, Permission.W));
    this.#eachPiece(address, bytes.byteLength, (piece, done) => {
      this.access(piece.address, Permission.W).bytes.set(bytes.subarray(done, done + piece.length), piece.at);
    });
  }

  /** Reads or writes past all permissions, as EDBGRD and EDBGWR do. Pages that are missing make it fail. */
  debug(address: bigint, length: number, write: Uint8Array | null): Uint8Array {
    const result = new Uint8Array(this.#checkLength(length));
    this.#eachPiece(address, length, (piece, done) => {
      const page = this.pageAt(piece.address);
      if (page === undefined) {
        throw new PosternError("EINVALIDARGUMENT", `There is no enclave page at 0x${piece.address.toString(16)}.`);
      }
      const part = page.bytes.subarray(piece.at, piece.at + piece.length);
      if (write !== null) part.set(write.subarray(done, done + piece.length));
      result.set(part, done);
    });
    return result;
  }

  #checkLength(length: number): number {
    if (Number.isSafeInteger(length) && length >= 0 && length <= PAGES_MAX * PAGE_BYTES) return length;
    throw new PosternError("EINVALIDARGUMENT", `${length} is no length of enclave memory in bytes.`);
  }

  #eachPiece(address: bigint, length: number, visit: (piece: Piece, done: number) => void): void {
    for (let done = 0; done < length; ) {
      const here = BigInt.asUintN(64, address + BigInt(done));
      const at = Number(here % BigInt(PAGE_BYTES));
      const piece = { address: here, at, length: Math.min(PAGE_BYTES - at, length - done) };
      visit(piece, done);
      done += piece.length;
    }
  }
}

/** The part of an access that lies in one page. */
interface Piece {
  readonly address: bigint;
  readonly at: number;
  readonly length: number;
}
