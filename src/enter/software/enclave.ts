/** The software enclave: SECS, pages, threads. Built like a real one: create, add pages, initialise. */
import { PosternError } from "../../errors.js";
import { Structure, word64 } from "../bytes.js";
import { EPERM, Trap } from "../contract.js";
import { type EnclaveCode, type EnclaveProgram, toCode } from "./code.js";
import { SoftwareCpu, type SoftwareCpuOptions } from "./cpu.js";
import {
  Attribute,
  DBGOPTIN,
  EXINFO_BYTES,
  EXINFO_LAYOUT,
  GPRSGX_BYTES,
  GPRSGX_LAYOUT,
  MiscSelect,
  PAGE_BYTES,
  PageType,
  Permission,
  SECS_LAYOUT,
  TCS_LAYOUT,
} from "./layout.js";
import { EnclaveFault, EnclaveMemory, PageFault } from "./memory.js";
import { RegisterFile } from "./registers.js";
import { EnclaveThread, type SsaFrame } from "./thread.js";

/** Largest SSA frame, in pages; far above what any XFRM needs. */
const SSAFRAMESIZE_MAX = 64;

/** What ECREATE fixes. */
export interface EnclaveOptions {
  /** A multiple of `size`. */
  readonly base: bigint;
  /** A power of two, in bytes. */
  readonly size: bigint;
  /** Pages of one SSA frame; 1. */
  readonly ssaFrameSize?: number;
  /** {@link MiscSelect} bits; EXINFO. */
  readonly miscselect?: number;
  /** {@link Attribute} bits without INIT; MODE64BIT. */
  readonly attributes?: bigint;
  /** XCR0 bits; 3, which is x87 and SSE. */
  readonly xfrm?: bigint;
  /** What runs inside. */
  readonly code: EnclaveProgram;
}

/** A thread to add. Offsets count from the base. */
export interface ThreadOptions {
  readonly offset: number;
  /** Offset of its first SSA frame. */
  readonly ossa: number;
  /** Number of frames. */
  readonly nssa: number;
  /** Offset of the entry point; 0. */
  readonly oentry?: number;
  readonly ofsbase?: number;
  readonly ogsbase?: number;
  /** TCS.FLAGS; 0. */
  readonly flags?: bigint;
}

/** An enclave in software. It protects nothing: the host process can see everything. */
export class SoftwareEnclave {
  readonly memory: EnclaveMemory;
  readonly code: EnclaveCode;
  readonly ssaFrameSize: number;
  readonly miscselect: number;
  readonly xfrm: bigint;
  #attributes: bigint;
  readonly #threads = new Map<bigint, EnclaveThread>();

  constructor(options: EnclaveOptions) {
    const { ssaFrameSize = 1, miscselect = MiscSelect.EXINFO, attributes = Attribute.MODE64BIT, xfrm = 3n } = options;
    if (!Number.isInteger(ssaFrameSize) || ssaFrameSize < 1 || ssaFrameSize > SSAFRAMESIZE_MAX) {
      throw new PosternError(
        "EINVALIDARGUMENT",
        `An SSA frame has 1 to ${SSAFRAMESIZE_MAX} pages; got ${ssaFrameSize}.`,
      );
    }
    if ((xfrm & 3n) !== 3n) throw new PosternError("EINVALIDARGUMENT", "XFRM must have bits 0 and 1 (x87, SSE) set.");
    if ((attributes & Attribute.INIT) !== 0n) {
      throw new PosternError("EINVALIDARGUMENT", "INIT is set by initialise(), not by the creator.");
    }
    this.memory = new EnclaveMemory(word64(options.base, "The base"), word64(options.size, "The size"));
    this.code = toCode(options.code);
    this.ssaFrameSize = ssaFrameSize;
    this.miscselect = miscselect;
    this.xfrm = xfrm;
    this.#attributes = attributes;
  }

  get base(): bigint {
    return this.memory.base;
  }

  get attributes(): bigint {
    return this.#attributes;
  }

  get initialised(): boolean {
    return (this.#attributes & Attribute.INIT) !== 0n;
  }

  /** The SECS as 4096 bytes, without the identity fields: this model measures and signs nothing. */
  encodeSecs(): Uint8Array {
    const bytes = new Uint8Array(PAGE_BYTES);
    const secs = new Structure(SECS_LAYOUT, bytes);
    secs.set("size", this.memory.size);
    secs.set("base", this.base);
    secs.set("ssaframesize", this.ssaFrameSize);
    secs.set("miscselect", this.miscselect);
    secs.set("attributes", this.#attributes);
    secs.set("xfrm", this.xfrm);
    return bytes;
  }

  /** Adds a regular page. */
  addPage(offset: number, permissions: number, data?: Uint8Array): void {
    this.#checkOpen();
    this.memory.add(offset, PageType.REG, permissions, data);
  }

  /** Adds a TCS page. STATE, CSSA and AEP start as 0 and DBGOPTIN clear, whatever was asked. @returns its address */
  addThread(options: ThreadOptions): bigint {
    this.#checkOpen();
    const { offset, ossa, nssa, oentry = 0, ofsbase = 0, ogsbase = 0, flags = 0n } = options;
    if (!Number.isInteger(nssa) || nssa < 0 || nssa > 0xffff_ffff) {
      throw new PosternError("EINVALIDARGUMENT", `NSSA is a count of 32 bits; got ${nssa}.`);
    }
    const bytes = new Uint8Array(PAGE_BYTES);
    const template = new Structure(TCS_LAYOUT, bytes);
    for (const [name, value] of Object.entries({ ossa, nssa, oentry, ofsbase, ogsbase })) {
      template.set(name as keyof typeof TCS_LAYOUT, value);
    }
    template.set("flags", flags & ~DBGOPTIN);
    template.set("fslimit", 0xffff_ffff);
    template.set("gslimit", 0xffff_ffff);
    const page = this.memory.add(offset, PageType.TCS, 0, bytes);
    const address = this.base + BigInt(offset);
    const tcs = new Structure(TCS_LAYOUT, page.bytes);
    this.#threads.set(address, new EnclaveThread(this, address, tcs, new RegisterFile()));
    return address;
  }

  /** EINIT: from here on it can be entered and nothing can be added. */
  initialise(): this {
    this.#checkOpen();
    this.#attributes |= Attribute.INIT;
    return this;
  }

  #checkOpen(): void {
    if (this.initialised)
      throw new PosternError("EINVALIDARGUMENT", "The enclave is initialised; its pages are fixed.");
  }

  /** A logical processor that can enter this enclave. Each has its own registers; threads of the host have one each. */
  cpu(options?: SoftwareCpuOptions): SoftwareCpu {
    return new SoftwareCpu(this, options);
  }

  /** Addresses of all TCSs. */
  get threads(): bigint[] {
    return [...this.#threads.keys()];
  }

  /** The thread whose TCS is at `address`. */
  thread(address: bigint): EnclaveThread | undefined {
    return this.#threads.get(address);
  }

  /** SSA frame `index` of a thread. @throws EnclaveFault #PF where a page of it is not REG or not RW */
  frame(thread: EnclaveThread, index: number): SsaFrame {
    const bytes = BigInt(this.ssaFrameSize * PAGE_BYTES);
    const start = BigInt.asUintN(64, this.base + thread.tcs.get("ossa") + BigInt(index) * bytes);
    const last = start + bytes - BigInt(PAGE_BYTES);
    for (let address = start; address <= last; address += BigInt(PAGE_BYTES)) {
      const page = this.memory.pageAt(address);
      const needed = Permission.R | Permission.W;
      if (page?.type !== PageType.REG || (page.permissions & needed) !== needed) {
        throw new EnclaveFault(Trap.PF, PageFault.SGX | PageFault.P | PageFault.W | PageFault.U, address);
      }
    }
    const page = this.memory.pageAt(last)!.bytes;
    const gprAt = PAGE_BYTES - GPRSGX_BYTES;
    return {
      gpr: new Structure(GPRSGX_LAYOUT, page, gprAt),
      exinfo: new Structure(EXINFO_LAYOUT, page, gprAt - EXINFO_BYTES),
    };
  }

  /** The host's page table: what of `permissions` the enclave's own rights are narrowed to. Not a matter of trust. */
  protect(address: bigint, pages: number, permissions: number): void {
    for (const page of this.#range(address, pages)) page.mapped = permissions & 7;
  }

  /** EMODPE, from inside: widens what the enclave itself allows. */
  extend(address: bigint, pages: number, permissions: number): void {
    for (const page of this.#range(address, pages)) if (page.type === PageType.REG) page.permissions |= permissions & 7;
  }

  *#range(address: bigint, pages: number): Generator<NonNullable<ReturnType<EnclaveMemory["pageAt"]>>> {
    for (let index = 0; index < pages; index++) {
      const page = this.memory.pageAt(address + BigInt(index * PAGE_BYTES));
      if (page === undefined) {
        throw new PosternError(
          "EINVALIDARGUMENT",
          `There is no enclave page ${index} pages after 0x${address.toString(16)}.`,
        );
      }
      yield page;
    }
  }

  /** EDBGRD. @throws PosternError EUNSUPPORTED with errno EPERM unless the enclave has DEBUG */
  debugRead(address: bigint, length: number): Uint8Array {
    this.#checkDebug();
    return this.memory.debug(address, length, null);
  }

  /** EDBGWR. @throws PosternError EUNSUPPORTED with errno EPERM unless the enclave has DEBUG */
  debugWrite(address: bigint, bytes: Uint8Array): void {
    this.#checkDebug();
    this.memory.debug(address, bytes.byteLength, bytes);
  }

  #checkDebug(): void {
    if ((this.#attributes & Attribute.DEBUG) !== 0n) return;
    throw new PosternError("EUNSUPPORTED", "The enclave was not created with DEBUG; its memory cannot be seen.", {
      errno: EPERM,
    });
  }
}
