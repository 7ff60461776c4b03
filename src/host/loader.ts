/** Executes debugger calls and enarx calls: checks what the guest asks, and lets the services answer. */
import { cpuid as executeCpuid } from "../kernel/cpuid.js";
import type { Plan } from "../sallyport/call.js";
import { plansByNumber } from "../sallyport/calls.js";
import { Kind } from "../sallyport/constants.js";
import { Errno } from "../sallyport/linux.js";
import { type HostCore, Scratch } from "./core.js";
import type { Request } from "./request.js";
import type { Answer, KeepMemory, Services } from "./services.js";

/** Executes one of these calls. @returns a value, or -errno; a refusal is noted in the core */
type LoaderCall = (core: HostCore, request: Request, services: Services) => Answer;

const PAGE_BYTES = 4096n;
const WORDS = 1n << 64n;
const NANOSECONDS = 1_000_000_000n;
const NANOSECONDS_MAX = 999_999_999n;
/** Protection bits there are. */
const PROTECTIONS = 7;
/** Page types of SGX: SECS, TCS, REG, VA, TRIM. */
const PAGE_TYPE_MAX = 4;
/** Most blocks of a keep; the number is an index into a table. */
const BLOCK_INDEX_MAX = 65535;

/** The 64 bits of a slot, unsigned. */
function wide(request: Request, slot: number): bigint {
  return (BigInt(request.words[2 * slot + 1]!) << 32n) | BigInt(request.words[2 * slot]!);
}

/** Whether a range is made of whole pages and does not wrap. */
function isPages(address: bigint, length: bigint): boolean {
  return address % PAGE_BYTES === 0n && length > 0n && length % PAGE_BYTES === 0n && address + length <= WORDS;
}

const cpuid: LoaderCall = (core, request) => {
  const at = core.reference(request, 2, 1, 16, 4);
  if (at < 0) return at;
  return executeCpuid(request.words[0]!, request.words[2]!, core.address(at)) ? 0 : -Errno.ENOSYS;
};

const memInfo: LoaderCall = (_core, _request, { memory }) => memory?.memInfo() ?? -Errno.ENOSYS;

const balloon: LoaderCall = (_core, request, { memory }) => {
  const exponent = wide(request, 0);
  const pages = wide(request, 1);
  const address = wide(request, 2);
  if (memory === undefined) return -Errno.ENOSYS;
  if (exponent >= 64n) return -Errno.EINVAL;
  const pageBytes = 1n << exponent;
  const total = pageBytes * pages;
  if (pages === 0n || total >= WORDS || address + total > WORDS || address % pageBytes !== 0n) return -Errno.EINVAL;
  return memory.balloon(pageBytes, pages, address, request.words[6] !== 0);
};

/** mmap_host and its like: a range of pages and one more number with a largest value. */
function withPages(most: number, act: (memory: KeepMemory, at: bigint, length: bigint, last: number) => Answer) {
  return (_core: HostCore, request: Request, { memory }: Services): Answer => {
    if (memory === undefined) return -Errno.ENOSYS;
    const address = wide(request, 0);
    const length = wide(request, 1);
    const last = most < 0 ? 0n : wide(request, 2);
    if (!isPages(address, length) || (most >= 0 && last > BigInt(most))) return -Errno.EINVAL;
    return act(memory, address, length, Number(last));
  };
}

const newSallyport: LoaderCall = (_core, request, { memory }) => {
  const index = wide(request, 1);
  if (memory === undefined) return -Errno.ENOSYS;
  return index > BLOCK_INDEX_MAX ? -Errno.EINVAL : memory.newSallyport(wide(request, 0), Number(index));
};

/** Stores what a service made in the guest's buffer. @returns its length, -EMSGSIZE where it does not fit, or -errno */
function deliver(core: HostCore, at: number, room: number, made: Uint8Array | number): number {
  if (typeof made === "number") return made;
  if (made.length > room) return -Errno.EMSGSIZE;
  core.block.bytes.set(made, at);
  return made.length;
}

const sgxQuote: LoaderCall = (core, request, { attestation }) => {
  const report = core.reference(request, 0, 1, 512, 1);
  if (report < 0) return report;
  const quote = core.counted(request, 1, 2, 1, 1);
  if (quote < 0) return quote;
  if (attestation === undefined) return -Errno.ENOSYS;
  const copy = core.block.bytes.slice(report, report + 512);
  return deliver(core, quote, request.words[4]!, attestation.sgxQuote(copy));
};

const sgxTargetInfo: LoaderCall = (core, request, { attestation }) => {
  const at = core.reference(request, 0, 1, 512, 1);
  if (at < 0) return at;
  const result = attestation === undefined ? -Errno.ENOSYS : deliver(core, at, 512, attestation.sgxTargetInfo());
  return Math.min(result, 0);
};

const snpVcek: LoaderCall = (core, request, { attestation }) => {
  const at = core.counted(request, 0, 1, 1, 1);
  if (at < 0) return at;
  return attestation === undefined ? -Errno.ENOSYS : deliver(core, at, request.words[2]!, attestation.snpVcek());
};

const park: LoaderCall = (core, request, { threads }) => {
  const none = core.isNull(request, 1);
  const at = none ? 0 : core.reference(request, 1, 1, 16, 8);
  if (at < 0) return at;
  if (threads === undefined) return -Errno.ENOSYS;
  if (none) return threads.park(core.int(request, 0), undefined);
  core.scratch.set(core.block.bytes.subarray(at, at + 16), Scratch.SMALL);
  const view = new DataView(core.scratch.buffer);
  const seconds = view.getBigInt64(Scratch.SMALL, true);
  const nanoseconds = view.getBigInt64(Scratch.SMALL + 8, true);
  if (seconds < 0n || nanoseconds < 0n || nanoseconds > NANOSECONDS_MAX) return -Errno.EINVAL;
  return threads.park(core.int(request, 0), seconds * NANOSECONDS + nanoseconds);
};

const gdbWriteAll: LoaderCall = (core, request, services) => {
  const at = core.counted(request, 0, 1, 1, 1);
  if (at < 0) return at;
  const length = request.words[2]!;
  const result = services.debugger?.write(core.block.bytes.slice(at, at + length)) ?? -Errno.ENOSYS;
  return result < 0 ? result : length;
};

const gdbPeek: LoaderCall = (_core, _request, services) => {
  if (services.debugger === undefined) return -Errno.ENOSYS;
  // All ones says that nothing is there.
  return services.debugger.peek() ?? -1;
};

const CALLS: Readonly<Record<string, LoaderCall>> = {
  cpuid,
  mem_info: memInfo,
  balloon_memory: balloon,
  get_sgx_quote: sgxQuote,
  get_sgx_target_info: sgxTargetInfo,
  get_sgx_quote_size: (_core, _request, { attestation }) => attestation?.sgxQuoteSize() ?? -Errno.ENOSYS,
  get_snp_vcek: snpVcek,
  mmap_host: withPages(PROTECTIONS, (memory, at, length, protection) => memory.mmap(at, length, protection)),
  mprotect_host: withPages(PROTECTIONS, (memory, at, length, protection) => memory.mprotect(at, length, protection)),
  munmap_host: withPages(-1, (memory, at, length) => memory.munmap(at, length)),
  modify_sgx_page_type: withPages(PAGE_TYPE_MAX, (memory, at, length, type) =>
    memory.modifySgxPageType(at, length, type),
  ),
  new_sallyport: newSallyport,
  park,
  unpark: (_core, _request, { threads }) => threads?.unpark() ?? -Errno.ENOSYS,
  spawn: (_core, request, { threads }) => threads?.spawn(wide(request, 0)) ?? -Errno.ENOSYS,
  gdb_on_session_start: (_core, _request, services) => services.debugger?.sessionStart() ?? -Errno.ENOSYS,
  gdb_read: (_core, _request, services) => services.debugger?.read() ?? -Errno.ENOSYS,
  gdb_peek: gdbPeek,
  gdb_write: (_core, request, services) =>
    services.debugger?.write(Uint8Array.of(request.words[0]! & 255)) ?? -Errno.ENOSYS,
  gdb_write_all: gdbWriteAll,
  gdb_flush: (_core, _request, services) => services.debugger?.flush() ?? -Errno.ENOSYS,
};

/** A plan and the way to execute it. */
export interface LoaderPlan {
  readonly plan: Plan;
  readonly call: LoaderCall;
}

function loaderPlans(kind: Kind): ReadonlyArray<LoaderPlan | undefined> {
  return plansByNumber(kind).map((plan) => plan && { plan, call: CALLS[plan.name]! });
}

const BY_KIND: Readonly<Record<number, ReadonlyArray<LoaderPlan | undefined>>> = {
  [Kind.GDBCALL]: loaderPlans(Kind.GDBCALL),
  [Kind.ENARXCALL]: loaderPlans(Kind.ENARXCALL),
};

/**
 * The way to execute a call of these kinds; undefined for one that is not known.
 * @param compatible as the original's library host, which executes cpuid alone
 */
export function loaderPlan(kind: number, number: number, compatible: boolean): LoaderPlan | undefined {
  const found = BY_KIND[kind]?.[number];
  return compatible && found?.plan.name !== "cpuid" ? undefined : found;
}
