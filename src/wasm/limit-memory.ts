import { PosternError } from "../errors.js";
import { encodedLimits, replaceSection, unsigned } from "./encode.js";
import { allMemories, type ModuleInfo } from "./model.js";
import type { MemoryType } from "./types.js";

/** Size of a WebAssembly page in bytes. */
export const PAGE_BYTES = 65536;

/** Pages a 32-bit memory can have: 4 GiB. */
export const PAGES_MAX = 65536;

const MEMORY_SECTION = 5;

/** A memory that the caller creates and passes to the module. */
export interface MemoryToCreate {
  readonly module: string;
  readonly name: string;
  /** For the constructor of `WebAssembly.Memory`; the maximum is at most the limit. */
  readonly descriptor: { readonly initial: number; readonly maximum: number; readonly shared: boolean };
}

/**
 * Makes sure that the memory a module defines cannot grow above a limit, by rewriting its memory section: the engine then
 * lets `memory.grow` fail. A module whose declared maximum is low enough already is returned as it is; any other is copied
 * once, whatever its size.
 *
 * Memories the module imports are not in the file: see {@link memoriesToCreate}.
 *
 * @param bytes the module
 * @param info what `readModule` says about the same bytes
 * @param maxPages limit in pages of 65536 bytes, 0 to 65536
 * @throws PosternError ERESOURCE when the module asks for more from the start; EBADPROGRAM for a 64-bit memory or more than
 *   one; EINVALIDARGUMENT for a limit out of range
 */
export function limitMemory(bytes: Uint8Array, info: ModuleInfo, maxPages: number): Uint8Array {
  const place = info.memorySection;
  const memory = oneMemory(info);
  checkLimit(maxPages);
  if (place === undefined || memory === undefined || info.memories.length === 0) return bytes;
  checkMinimum(memory, maxPages);
  if (memory.maximum !== undefined && memory.maximum <= maxPages) return bytes;

  const { minimum, shared } = memory;
  const limits = encodedLimits({ minimum, maximum: maxPages, shared });
  return replaceSection(bytes, place, MEMORY_SECTION, [...unsigned(1), ...limits]);
}

/**
 * The memories a module imports, each with a maximum at or below the limit. WebAssembly accepts a memory whose maximum is
 * below the declared one.
 *
 * @param maxPages limit in pages of 65536 bytes, 0 to 65536
 * @throws PosternError as {@link limitMemory}
 */
export function memoriesToCreate(info: ModuleInfo, maxPages: number): MemoryToCreate[] {
  checkLimit(maxPages);
  oneMemory(info);
  return info.imports.flatMap((entry) => {
    if (entry.kind !== "memory") return [];
    checkMinimum(entry.memory, maxPages);
    const { minimum, maximum = PAGES_MAX, shared } = entry.memory;
    const descriptor = { initial: minimum, maximum: Math.min(maximum, maxPages), shared };
    return [{ module: entry.module, name: entry.name, descriptor }];
  });
}

/** A limit for each of several memories would be no limit for their sum, so more than one is refused. */
function oneMemory(info: ModuleInfo): MemoryType | undefined {
  const memories = allMemories(info);
  if (memories.length > 1) {
    throw new PosternError("EBADPROGRAM", `the program has ${memories.length} memories, one is supported`);
  }
  if (memories[0]?.is64) {
    throw new PosternError(
      "EBADPROGRAM",
      "this program uses 64-bit memory; WASI preview 1 has 32-bit pointers. Build it for wasm32",
    );
  }
  return memories[0];
}

function checkLimit(maxPages: number): void {
  if (Number.isInteger(maxPages) && maxPages >= 0 && maxPages <= PAGES_MAX) return;
  throw new PosternError("EINVALIDARGUMENT", `a memory limit of ${maxPages} pages; expected 0 to ${PAGES_MAX}`);
}

function checkMinimum(memory: MemoryType, maxPages: number): void {
  if (memory.minimum <= maxPages) return;
  const wanted = describePages(memory.minimum);
  throw new PosternError(
    "ERESOURCE",
    `the program needs at least ${wanted} of memory and may use ${describePages(maxPages)}; allow it more (--memory ${wanted}, or limits.memory)`,
  );
}

/** Whole MiB where there are any, else KiB: what `--memory` understands. */
function describePages(pages: number): string {
  return pages % 16 === 0 ? `${pages / 16}MiB` : `${pages * 64}KiB`;
}
