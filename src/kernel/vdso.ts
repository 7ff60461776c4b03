/**
 * Symbols of the vDSO, the small ELF image that the kernel maps into every process.
 *
 * Its address comes from the auxiliary vector (AT_SYSINFO_EHDR). The image is read like a file from a stranger: every
 * offset is checked before use, and whatever does not fit means "no such symbol". Layouts: elf(5), and the gABI chapters
 * on dynamic linking and symbol versions. Nothing here calls a symbol: what one does to the registers is its own matter
 * (`__vdso_sgx_enter_enclave` breaks the C calling convention).
 */
import { viewOf } from "./address.js";
import { STRUCTS } from "./layouts.js";
import { libc } from "./libc.js";
import { LINUX } from "./numbers.js";

const { e_phoff, e_phentsize, e_phnum } = STRUCTS.elf64_ehdr.fields;
const { p_type, p_vaddr, p_memsz } = STRUCTS.elf64_phdr.fields;
const { st_name, st_shndx, st_value } = STRUCTS.elf64_sym.fields;

const ELF_MAGIC = 0x464c457f;
const ELFCLASS64_LITTLE_ENDIAN = 0x0102;
const PAGE_BYTES = 4096;
const PROGRAM_HEADER_BYTES = STRUCTS.elf64_phdr.size;
const SYMBOL_BYTES = STRUCTS.elf64_sym.size;
const DYNAMIC_ENTRY_BYTES = STRUCTS.elf64_dyn.size;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT = { NULL: 0, HASH: 4, STRTAB: 5, SYMTAB: 6, STRSZ: 10, GNU_HASH: 0x6ffffef5 } as const;
const DT_VERSIONS = { VERSYM: 0x6ffffff0, VERDEF: 0x6ffffffc, VERDEFNUM: 0x6ffffffd } as const;
const VERSION_HIDDEN = 0x8000;
const IMAGE_BYTES_MAX = 1 << 20;
const SYMBOLS_MAX = 4096;

/** Thrown inside this file only, when the image points outside of itself. */
class OutsideOfImage extends Error {}

/** Little-endian reads that stay inside the image. */
class Image {
  readonly #view: DataView;
  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  get length(): number {
    return this.#view.byteLength;
  }
  #check(offset: number, size: number): number {
    if (!(offset >= 0 && offset + size <= this.length)) throw new OutsideOfImage();
    return offset;
  }
  u16(offset: number): number {
    return this.#view.getUint16(this.#check(offset, 2), true);
  }
  u32(offset: number): number {
    return this.#view.getUint32(this.#check(offset, 4), true);
  }
  /** A 64-bit value; those beyond 2^53 are rounded, and then fail the next check of an offset. */
  u64(offset: number): number {
    return this.u32(offset) + this.u32(offset + 4) * 2 ** 32;
  }
  /** Whether the bytes at `offset` are `text` and a zero, all before `end`. */
  hasText(offset: number, end: number, text: string): boolean {
    if (offset + text.length + 1 > end) return false;
    this.#check(offset, text.length + 1);
    for (let index = 0; index < text.length; index++) {
      if (this.#view.getUint8(offset + index) !== text.charCodeAt(index)) return false;
    }
    return this.#view.getUint8(offset + text.length) === 0;
  }
}

interface Headers {
  /** Bytes from the first loaded byte to the end of the last one. */
  readonly bytes: number;
  /** The address the image was linked for; its own addresses count from here. */
  readonly linkedAt: number;
  /** Offset of the dynamic section, and its length in bytes. */
  readonly dynamic: number;
  readonly dynamicBytes: number;
}

/** Reads the ELF header and the program headers. `null`: no 64-bit little-endian image with a dynamic section. */
function readHeaders(image: Image): Headers | null {
  if (image.u32(0) !== ELF_MAGIC || image.u16(4) !== ELFCLASS64_LITTLE_ENDIAN) return null;
  const table = image.u64(e_phoff.offset);
  const entryBytes = image.u16(e_phentsize.offset);
  const count = image.u16(e_phnum.offset);
  if (entryBytes !== PROGRAM_HEADER_BYTES) return null;
  let linkedAt = Number.POSITIVE_INFINITY;
  let end = 0;
  let dynamic = -1;
  let dynamicBytes = 0;
  for (let index = 0; index < count; index++) {
    const header = table + index * entryBytes;
    const kind = image.u32(header + p_type.offset);
    const address = image.u64(header + p_vaddr.offset);
    const bytes = image.u64(header + p_memsz.offset);
    if (kind === PT_LOAD) {
      linkedAt = Math.min(linkedAt, address);
      end = Math.max(end, address + bytes);
    } else if (kind === PT_DYNAMIC) {
      dynamic = address;
      dynamicBytes = bytes;
    }
  }
  if (dynamic < linkedAt || end <= linkedAt) return null;
  return { bytes: end - linkedAt, linkedAt, dynamic: dynamic - linkedAt, dynamicBytes };
}

/** The entries of the dynamic section that matter, by tag. */
function readDynamic(image: Image, headers: Headers): Map<number, number> {
  const entries = new Map<number, number>();
  const end = headers.dynamic + headers.dynamicBytes;
  for (let offset = headers.dynamic; offset + DYNAMIC_ENTRY_BYTES <= end; offset += DYNAMIC_ENTRY_BYTES) {
    const tag = image.u64(offset);
    if (tag === DT.NULL) break;
    entries.set(tag, image.u64(offset + 8));
  }
  return entries;
}

/** How many symbols the GNU hash table knows: one more than the last symbol of the last chain. */
function countByGnuHash(image: Image, table: number): number {
  const buckets = image.u32(table);
  const firstSymbol = image.u32(table + 4);
  const bloomWords = image.u32(table + 8);
  const bucketsAt = table + 16 + bloomWords * 8;
  let last = 0;
  for (let bucket = 0; bucket < buckets; bucket++) last = Math.max(last, image.u32(bucketsAt + bucket * 4));
  if (last < firstSymbol) return firstSymbol;
  const chainsAt = bucketsAt + buckets * 4;
  while ((image.u32(chainsAt + (last - firstSymbol) * 4) & 1) === 0) last++;
  return last + 1;
}

/** Index of the version called `version` in the version definitions, or `null`. */
function findVersion(image: Image, table: number, count: number, strings: number, stringsEnd: number, version: string) {
  let entry = table;
  for (let index = 0; index < Math.min(count, SYMBOLS_MAX); index++) {
    const name = image.u32(entry + image.u32(entry + 12));
    if (image.hasText(strings + name, stringsEnd, version)) return image.u16(entry + 4);
    const next = image.u32(entry + 16);
    if (next === 0) return null;
    entry += next;
  }
  return null;
}

function search(image: Image, name: string, version: string | undefined): number | null {
  const headers = readHeaders(image);
  if (headers === null) return null;
  const dynamic = readDynamic(image, headers);
  const at = (tag: number) => {
    const address = dynamic.get(tag);
    return address === undefined ? null : address - headers.linkedAt;
  };
  const symbols = at(DT.SYMTAB);
  const strings = at(DT.STRTAB);
  const hash = at(DT.HASH);
  const gnuHash = at(DT.GNU_HASH);
  if (symbols === null || strings === null || (hash === null && gnuHash === null)) return null;
  const stringsEnd = strings + (dynamic.get(DT.STRSZ) ?? 0);
  const count = hash !== null ? image.u32(hash + 4) : countByGnuHash(image, gnuHash as number);

  const versions = at(DT_VERSIONS.VERSYM);
  let wanted: number | null = null;
  if (version !== undefined) {
    const definitions = at(DT_VERSIONS.VERDEF);
    if (versions === null || definitions === null) return null;
    const definitionCount = dynamic.get(DT_VERSIONS.VERDEFNUM) ?? 0;
    wanted = findVersion(image, definitions, definitionCount, strings, stringsEnd, version);
    if (wanted === null) return null;
  }
  for (let index = 1; index < Math.min(count, SYMBOLS_MAX); index++) {
    const symbol = symbols + index * SYMBOL_BYTES;
    const defined = image.u16(symbol + st_shndx.offset) !== 0;
    if (!defined || !image.hasText(strings + image.u32(symbol + st_name.offset), stringsEnd, name)) continue;
    if (wanted !== null && (image.u16((versions as number) + index * 2) & ~VERSION_HIDDEN) !== wanted) continue;
    const offset = image.u64(symbol + st_value.offset) - headers.linkedAt;
    return offset > 0 && offset < image.length ? offset : null;
  }
  return null;
}

/**
 * Finds a dynamic symbol in the memory image of a 64-bit little-endian ELF library.
 *
 * @param bytes the image as it lies in memory
 * @param name name of the symbol, in ASCII
 * @param version name of the version it must have, such as `LINUX_2.6`; left out: any
 * @returns offset from the start of the image, or `null` where there is none or the image is malformed
 */
export function findDynamicSymbol(bytes: Uint8Array, name: string, version?: string): number | null {
  try {
    return search(new Image(bytes), name, version);
  } catch (error) {
    if (error instanceof OutsideOfImage) return null;
    throw error;
  }
}

let mapped: { readonly base: number; readonly bytes: Uint8Array } | null | undefined;

/** The vDSO of this process; `null` where the kernel maps none. */
function vdsoImage() {
  if (mapped !== undefined) return mapped;
  mapped = null;
  const getauxval: (type: number) => number = libc.func("getauxval", "ulong", ["ulong"]);
  const base = Number(getauxval(LINUX.AT_SYSINFO_EHDR));
  if (base === 0) return mapped;
  // The first page holds the headers, and they say how long the rest is.
  const firstPage = new Uint8Array(viewOf(base, PAGE_BYTES));
  const bytes = readHeaders(new Image(firstPage))?.bytes ?? 0;
  if (bytes > 0 && bytes <= IMAGE_BYTES_MAX) mapped = { base, bytes: new Uint8Array(viewOf(base, bytes)) };
  return mapped;
}

/**
 * Address of a symbol of this process's vDSO.
 *
 * @param name such as `__vdso_clock_gettime` on x86-64, `__kernel_clock_gettime` on arm64
 * @param version name of the version it must have; left out: any
 * @returns the address, or `null` where this kernel has no such symbol
 */
export function vdsoSymbol(name: string, version?: string): number | null {
  const image = vdsoImage();
  if (image === null) return null;
  const offset = findDynamicSymbol(image.bytes, name, version);
  return offset === null ? null : image.base + offset;
}
