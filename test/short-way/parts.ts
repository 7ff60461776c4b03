/** Parts of the short way that the build makes for tests: the inside alone, and the host alone. */
import { addressOf } from "#src/kernel/index.js";
import { Block } from "#src/sallyport/block.js";
import { BLOCK_BYTES } from "#src/sallyport/constants.js";
import { errnoTable, rowsBytes } from "#src/shim/wasi/index.js";
import { BLOCK, ERRORS, instantiate, MEMORY_PAGE_BYTES, NOT_HERE, ROWS, shortWayModule } from "#src/short-way/index.js";
import { WebAssembly, type WebAssemblyMemory, type WebAssemblyModule } from "#src/wasm/index.js";

const ROW_BYTES = 4;

/** One of the modules in build/short-way/, which is no part of the project that the tests are compiled with. */
async function partOf(name: "inside" | "host"): Promise<WebAssemblyModule> {
  const url = new URL(`../../short-way/${name}.js`, import.meta.url);
  const text = ((await import(url.href)) as Readonly<Record<string, string>>)[name]!;
  return new WebAssembly.Module(Buffer.from(text, "base64"));
}

export const insideModule = await partOf("inside");
export const hostModule = await partOf("host");

const decode = (text: string): Uint8Array => Buffer.from(text, "base64");

/** Memory as a gate has it. */
export interface PartMemory {
  readonly memory: WebAssemblyMemory;
  readonly block: Block;
  /** Rows of the host's descriptors, all closed. */
  readonly rows: Int32Array;
  /** Where the table of the program's descriptors lies. */
  readonly table: number;
  /** The same memory, byte by byte. */
  readonly bytes: Uint8Array;
  readonly address: number;
}

export function partMemory(limit: number): PartMemory {
  const table = ROWS + ROW_BYTES * (2 * limit + 2);
  const pages = Math.ceil((table + rowsBytes(limit, limit)) / MEMORY_PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { buffer } = memory;
  const bytes = new Uint8Array(buffer);
  const rows = new Int32Array(buffer, ROWS, 2 * limit + 1);
  rows.fill(-1, 0, limit);
  bytes.set(errnoTable(), ERRORS);
  return { memory, block: new Block(buffer, BLOCK, BLOCK_BYTES), rows, table, bytes, address: addressOf(bytes) };
}

/** What the inside offers to the shim. */
export interface Inside {
  read(fd: number, start: number, length: number): number;
  write(fd: number, start: number, length: number): number;
  readAt(fd: number, start: number, length: number, position: bigint): number;
  writeAt(fd: number, start: number, length: number, position: bigint): number;
  seek(fd: number, offset: bigint, whence: number): number;
  soughtPosition(): bigint;
  random(start: number, length: number): number;
  clock(id: number): bigint;
  beginPath(fd: number, length: number): number;
  putPath(index: number, bytes: bigint): void;
  open(fd: number, length: number, flags: number): number;
  close(fd: number): number;
  statusOf(fd: number): number;
  beginStatus(fd: number, length: number): number;
  statusAt(fd: number, length: number, follow: number): number;
  filestatWord(at: number): bigint;
  list(fd: number, cookie: bigint, room: number): number;
  listedWord(at: number): bigint;
}

export interface InsideLink {
  readonly sally: () => number;
  readonly attack: () => never;
  readonly enterOther: (directory: number, descriptor: number, mode: number) => number;
}

/** The inside over such a memory. @param limit most descriptors */
export function linkInside({ memory, table }: PartMemory, limit: number, link: InsideLink): Inside {
  const numbers = { TABLE: table, CAPACITY: limit, MAX: limit };
  return instantiate(insideModule, memory, { ...link, ...numbers }) as unknown as Inside;
}

/** The functions of WASI over an inside. */
export function linkShim(memory: WebAssemblyMemory, inside: Inside): Readonly<Record<string, unknown>> {
  return instantiate(shortWayModule("shim", decode), memory, { ...inside, TRANSFER_MAX: BLOCK_BYTES });
}

const nothing = (): number => NOT_HERE;

/** An inside that leaves everything to JavaScript: its keep differs from others in where its table lies alone. */
export const LEAVES_ALL: Inside = {
  read: nothing,
  write: nothing,
  readAt: nothing,
  writeAt: nothing,
  seek: nothing,
  soughtPosition: () => 0n,
  random: nothing,
  clock: () => -1n,
  beginPath: nothing,
  putPath: () => undefined,
  open: nothing,
  close: nothing,
  statusOf: nothing,
  beginStatus: nothing,
  statusAt: nothing,
  filestatWord: () => 0n,
  list: nothing,
  listedWord: () => 0n,
};
