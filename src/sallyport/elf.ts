/** What a shim's ELF file says about itself, and whether this host can run it: {@link inspectShim}. */
import { isCompatible, isRequirement, VERSION } from "./compatibility.js";
import { NOTE_NAME, NoteType, Pf, Pt } from "./elf-constants.js";
import { ElfFile, EM_X86_64, type Note, type ProgramHeader } from "./elf-file.js";
import { VERSION as OLDER_VERSION } from "./v02/constants.js";

export * from "./elf-constants.js";

/** Enclave parameters of an SGX shim; null where the note is missing. */
export interface SgxNotes {
  /** Size of the enclave: 2^bits bytes. */
  readonly bits: number | null;
  /** Pages of an SSA frame. */
  readonly ssap: number | null;
  /** Product id. */
  readonly pid: number | null;
  /** Security version. */
  readonly svn: number | null;
  readonly misc: number | null;
  readonly miscmask: number | null;
  readonly attr: bigint | null;
  readonly attrmask: bigint | null;
}

/** Launch parameters of a SEV-SNP shim; null where the note is missing. */
export interface SnpNotes {
  readonly policy: bigint | null;
  /** 16 bytes, hexadecimal. */
  readonly familyId: string | null;
  /** 16 bytes, hexadecimal. */
  readonly imageId: string | null;
  readonly svn: number | null;
}

/** A segment the loader acts on. */
export interface ShimSegment {
  readonly type: keyof typeof Pt;
  readonly flags: number;
  /** Names of {@link Pf}, lowest bit first; bits without a name are left out. */
  readonly names: readonly (keyof typeof Pf)[];
  readonly address: bigint;
  /** Bytes in memory. */
  readonly size: bigint;
}

/** What keeps a shim from running here. */
export interface ShimProblem {
  readonly code:
    | "machine"
    | "no-requirement"
    | "bad-requirement"
    | "version"
    | "note-size"
    | "note-conflict"
    | "no-block-size"
    | "no-block-count"
    | "block-size"
    | "block-count"
    | "block-room"
    | "exec-segment";
  /** One sentence: what is wrong and what to do. */
  readonly message: string;
  /** Place in the file, where there is one. */
  readonly offset?: number;
}

/** The answer to: can this host run this shim, and with which blocks. */
export interface ShimReport {
  /** Version requirements, in file order. One that the host satisfies is enough. */
  readonly requires: readonly string[];
  /** Whether the host's version satisfies one of them. */
  readonly compatible: boolean;
  /** Whether the shim speaks the current generation, the older one (blocks as in `postern/sallyport/v02`), or neither. */
  readonly generation: "current" | "older" | null;
  /** Bytes of a block; null where the shim does not say. */
  readonly blockSize: number | null;
  /** Number of blocks; null where the shim does not say. */
  readonly numBlocks: number | null;
  /** Null for a shim that is not for SGX. */
  readonly sgx: SgxNotes | null;
  /** Null for a shim that is not for SEV-SNP. */
  readonly snp: SnpNotes | null;
  readonly segments: readonly ShimSegment[];
  /** Empty where the host can run the shim. */
  readonly problems: readonly ShimProblem[];
}

/** How a note's value is given: a number, a bigint, or hexadecimal text; and its bytes in the file. */
interface Field {
  readonly key: string;
  readonly size: 1 | 2 | 4 | 8 | 16;
  readonly as: "number" | "bigint" | "hex";
}

const BLOCK_FIELDS = {
  [NoteType.BLOCK_SIZE]: { key: "blockSize", size: 8, as: "number" },
  [NoteType.NUM_BLOCKS]: { key: "numBlocks", size: 8, as: "number" },
} satisfies Record<number, Field>;

const SGX_FIELDS = {
  [NoteType.SGX_BITS]: { key: "bits", size: 1, as: "number" },
  [NoteType.SGX_SSAP]: { key: "ssap", size: 1, as: "number" },
  [NoteType.SGX_PID]: { key: "pid", size: 2, as: "number" },
  [NoteType.SGX_SVN]: { key: "svn", size: 2, as: "number" },
  [NoteType.SGX_MISC]: { key: "misc", size: 4, as: "number" },
  [NoteType.SGX_MISCMASK]: { key: "miscmask", size: 4, as: "number" },
  [NoteType.SGX_ATTR]: { key: "attr", size: 16, as: "bigint" },
  [NoteType.SGX_ATTRMASK]: { key: "attrmask", size: 16, as: "bigint" },
} satisfies Record<number, Field>;

const SNP_FIELDS = {
  [NoteType.SNP_POLICY]: { key: "policy", size: 8, as: "bigint" },
  [NoteType.SNP_FAMILY_ID]: { key: "familyId", size: 16, as: "hex" },
  [NoteType.SNP_IMAGE_ID]: { key: "imageId", size: 16, as: "hex" },
  [NoteType.SNP_SVN]: { key: "svn", size: 4, as: "number" },
} satisfies Record<number, Field>;

const WORD_SIZE = 8;
/** Above any real shim, and far below where sizes stop being exact. */
const BLOCK_SIZE_MAX = 2 ** 30;
/** The index of a block has 16 bits. */
const NUM_BLOCKS_MAX = 2 ** 16;

/**
 * Reads a shim and says whether this host can run it. Notes come from the PT_NOTE segments or, where those have none of
 * ours, from the SHT_NOTE sections.
 *
 * @param bytes the ELF file
 * @param version version of the host
 * @throws PosternError EMALFORMED, with the offset, for a file that is not a whole 64-bit little-endian ELF file
 */
export function inspectShim(bytes: Uint8Array, version: string = VERSION): ShimReport {
  const file = new ElfFile(bytes);
  const problems: ShimProblem[] = [];
  const notes = ourNotes(file);
  const requires = notes.filter(({ type }) => type === NoteType.REQUIRES).map(({ data }) => textOf(data));
  const blocks = fieldsOf(notes, BLOCK_FIELDS, problems);
  const report = {
    requires,
    compatible: requires.some((each) => isCompatible(each, version)),
    generation: generationOf(requires),
    blockSize: (blocks?.blockSize as number | undefined) ?? null,
    numBlocks: (blocks?.numBlocks as number | undefined) ?? null,
    sgx: fieldsOf(notes, SGX_FIELDS, problems) as SgxNotes | null,
    snp: fieldsOf(notes, SNP_FIELDS, problems) as SnpNotes | null,
    segments: file.programHeaders.flatMap(segmentOf),
    problems,
  };
  if (file.machine !== EM_X86_64) {
    problems.push({ code: "machine", message: "The shim is not for x86-64: use one that is.", offset: 18 });
  }
  checkVersion(report, version, problems);
  checkBlocks(report, problems);
  const places = report.segments.filter(({ type }) => type === "EXEC").length;
  if (places !== 1) {
    problems.push({
      code: "exec-segment",
      message: `The shim has ${places} segments for the program (type EXEC) and needs exactly one: relink it.`,
    });
  }
  return report;
}

function ourNotes(file: ElfFile): Note[] {
  const ours = ({ name }: Note) => name === NOTE_NAME;
  const notes = file.segmentNotes().filter(ours);
  return notes.length > 0 ? notes : file.sectionNotes().filter(ours);
}

/** Text of a note, without closing zero bytes. Bytes outside of ASCII are kept as they are, one character each. */
function textOf(data: Uint8Array): string {
  const text = Array.from(data.subarray(0, 256), (byte) => String.fromCharCode(byte)).join("");
  return text.replace(/\0+$/, "");
}

function generationOf(requires: readonly string[]): ShimReport["generation"] {
  if (requires.some((each) => isCompatible(each, VERSION))) return "current";
  return requires.some((each) => isCompatible(each, OLDER_VERSION)) ? "older" : null;
}

function noteValue(data: Uint8Array, as: Field["as"]): number | bigint | string {
  const digits = Array.from(data, (byte) => byte.toString(16).padStart(2, "0"));
  if (as === "hex") return digits.join("");
  const value = BigInt(`0x${digits.reverse().join("")}`);
  return as === "bigint" ? value : Number(value);
}

/** Values of a group of notes; null where the shim has none of them. */
function fieldsOf(notes: readonly Note[], fields: Record<number, Field>, problems: ShimProblem[]) {
  const values: Record<string, number | bigint | string | null> = {};
  for (const { key } of Object.values(fields)) values[key] = null;
  let found = false;
  for (const { type, data, offset } of notes) {
    const field = fields[type];
    if (field === undefined) continue;
    found = true;
    if (data.length !== field.size) {
      const message = `The note ${field.key} has ${data.length} bytes and needs ${field.size}: rebuild the shim.`;
      problems.push({ code: "note-size", message, offset });
      continue;
    }
    const value = noteValue(data, field.as);
    if (values[field.key] === null) values[field.key] = value;
    else if (values[field.key] !== value) {
      const message = `The note ${field.key} is there twice with different values: rebuild the shim.`;
      problems.push({ code: "note-conflict", message, offset });
    }
  }
  return found ? values : null;
}

const TYPE_NAMES = new Map(Object.entries(Pt).map(([name, type]) => [type as number, name as keyof typeof Pt]));

function segmentOf({ type, flags, address, size }: ProgramHeader): ShimSegment[] {
  const name = TYPE_NAMES.get(type);
  if (name === undefined) return [];
  const names = (Object.keys(Pf) as (keyof typeof Pf)[]).filter((each) => (flags & Pf[each]) !== 0);
  return [{ type: name, flags, names, address, size }];
}

function checkVersion({ requires, compatible }: ShimReport, version: string, problems: ShimProblem[]): void {
  for (const each of requires.filter((text) => !isRequirement(text))) {
    problems.push({
      code: "bad-requirement",
      message: `The shim's requirement ${JSON.stringify(each)} is no version.`,
    });
  }
  if (requires.length === 0) {
    const message = "The file has no note with a version requirement: it is no shim, or its notes were stripped.";
    problems.push({ code: "no-requirement", message });
  } else if (!compatible) {
    const message = `The shim requires ${requires.join(" or ")} and this host is ${version}: use a matching shim.`;
    problems.push({ code: "version", message });
  }
}

/** The older generation has blocks of a fixed size and says nothing about them. */
function checkBlocks({ generation, blockSize, numBlocks, segments }: ShimReport, problems: ShimProblem[]): void {
  const places = segments.filter(({ names }) => names.includes("KVM_SALLYPORT"));
  if (generation === "current" && blockSize === null) {
    problems.push({ code: "no-block-size", message: "The shim does not say how large its blocks are." });
  }
  if (generation === "current" && numBlocks === null && places.length > 0) {
    problems.push({ code: "no-block-count", message: "The shim has a segment for blocks and does not say how many." });
  }
  if (blockSize !== null && (blockSize === 0 || blockSize % WORD_SIZE !== 0 || blockSize > BLOCK_SIZE_MAX)) {
    const message = `A block of ${blockSize} bytes cannot be: use a multiple of ${WORD_SIZE} up to ${BLOCK_SIZE_MAX}.`;
    problems.push({ code: "block-size", message });
  }
  if (numBlocks !== null && (numBlocks === 0 || numBlocks > NUM_BLOCKS_MAX)) {
    problems.push({ code: "block-count", message: `${numBlocks} blocks cannot be: use 1 to ${NUM_BLOCKS_MAX}.` });
  }
  const room = places.reduce((sum, { size }) => sum + size, 0n);
  if (blockSize !== null && numBlocks !== null && places.length > 0 && BigInt(blockSize) * BigInt(numBlocks) > room) {
    const message = `${numBlocks} blocks of ${blockSize} bytes do not fit in the ${room} bytes kept for them.`;
    problems.push({ code: "block-room", message });
  }
}
