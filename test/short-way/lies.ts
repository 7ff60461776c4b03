/** A host that lies to one keep in the same way each time, and such a keep with or without the short way. */
import { createEngine } from "#src/guest/engine.js";
import { plans } from "#src/sallyport/calls.js";
import { createWasi, type WasiGrant } from "#src/shim/wasi/index.js";
import { LISTED_NUMBER } from "#src/short-way/index.js";
import { WebAssembly, type WebAssemblyMemory } from "#src/wasm/index.js";
import { Random } from "../hostile/random.js";
import { LEAVES_ALL, linkInside, linkShim, partMemory } from "./parts.js";

/** Most descriptors of the program, and more than any number of the host. */
export const LIMIT = 16;
const DATA = 88;
const RETURN_WORD = 72;
const PAYLOAD_BYTES = 72;

/** One record of a directory, as the host delivers it. */
export interface Dirent {
  readonly inode: bigint;
  readonly type: number;
  /** What its length says; null: the truth. */
  readonly length: number | null;
  /** Its name, with the zero behind it if there is to be one. */
  readonly name: Uint8Array;
}

/** What the host does with every block while one function runs. */
export interface Lie {
  /** Return word; null: as an honest host. */
  readonly ret: bigint | null;
  /** Words of the data, from its start; those behind are noise. */
  readonly words: readonly bigint[];
  readonly seed: number;
  /** Batches of a directory. */
  readonly batches: readonly (readonly Dirent[])[];
  /** Bytes overwritten at last, wherever they lie. */
  readonly trash: readonly { readonly at: number; readonly length: number }[];
  /** What the hand-over itself answers. */
  readonly error: number;
}

function putDirents(into: DataView, dirents: readonly Dirent[]): number {
  let at = DATA;
  for (const { inode, type, length, name } of dirents) {
    const bytes = (19 + name.length + 7) & ~7;
    // What a name leaves of its record is not zero.
    for (let each = at; each < at + bytes; each++) into.setUint8(each, 122);
    into.setBigUint64(at, inode, true);
    into.setUint16(at + 16, length ?? bytes, true);
    into.setUint8(at + 18, type);
    for (const [index, byte] of name.entries()) into.setUint8(at + 19 + index, byte);
    at += bytes;
  }
  return at - DATA;
}

/** The lying host over a block. */
class LyingHost {
  lie: Lie | undefined;
  handOvers = 0;
  exits = 0;
  #batch = 0;
  readonly #view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  readonly sally = (): number => {
    const { lie } = this;
    const number = this.#view.getUint32(16, true);
    if (number === plans.exit_group.number) {
      this.exits++;
      return 0;
    }
    this.handOvers++;
    if (lie === undefined) return 0;
    const honest = this.#putData(number, lie);
    for (const { at, length } of lie.trash) new Random(lie.seed).fill(this.bytes.subarray(at, at + length));
    // A directory has an end in any case.
    const lies = lie.ret !== null && !(number === plans.getdents64.number && this.#batch > 1);
    this.#view.setBigUint64(RETURN_WORD, BigInt.asUintN(64, lies ? lie.ret! : honest), true);
    return lie.error;
  };

  /** @returns what an honest host would answer */
  #putData(number: number, lie: Lie): bigint {
    const view = this.#view;
    const dataBytes = view.getUint32(0, true) - PAYLOAD_BYTES;
    if (number === plans.getdents64.number) {
      return BigInt(putDirents(view, lie.batches[this.#batch++] ?? []));
    }
    if (number === plans.lseek.number) {
      this.#batch = 0;
      return 0n;
    }
    const outputs: number[] = [plans.clock_gettime.number, plans.statx.number, plans.openat2.number];
    if (outputs.includes(number)) {
      new Random(lie.seed).fill(this.bytes.subarray(DATA, DATA + dataBytes));
      for (const [index, word] of lie.words.entries()) {
        if (8 * index < dataBytes) view.setBigUint64(DATA + 8 * index, word, true);
      }
      return number === plans.openat2.number ? 5n : 0n;
    }
    if (number === plans.close.number) return 0n;
    // As much as was asked for.
    return view.getBigUint64(number === plans.getrandom.number ? 32 : 40, true);
  }

  begin(lie: Lie): void {
    this.lie = lie;
    this.#batch = 0;
  }
}

const GRANTS: readonly WasiGrant[] = [
  { descriptor: 0, kind: "input" },
  { descriptor: 1, kind: "output" },
  { descriptor: 2, kind: "output", terminal: true },
  { descriptor: 13, kind: "directory", name: Uint8Array.of(47) },
];

export type WasiFunction = (...parameters: (number | bigint)[]) => number;

/** What a function answered: an error number, or that the keep was attacked. */
export type Answer = number | "attacked";

/** A keep over such a host: three standard streams, a preopened directory, a file and another directory. */
export class LyingKeep {
  readonly host: LyingHost;
  readonly memory: WebAssemblyMemory;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly #functions: Record<string, WasiFunction>;

  /** @param short whether common calls go the short way */
  constructor(short: boolean) {
    const parts = partMemory(LIMIT);
    this.host = new LyingHost(parts.block.bytes);
    const { sally } = this.host;
    const engine = createEngine({ block: parts.block, sally, window: true });
    this.memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    this.bytes = new Uint8Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
    const wasi = createWasi({
      engine,
      args: [],
      env: [],
      descriptors: GRANTS,
      maxDescriptors: LIMIT,
      shortWay: {
        table: parts.memory.buffer,
        at: parts.table,
        listed: new Int32Array(parts.memory.buffer, LISTED_NUMBER, 2),
        link: ({ memory, enterOther }) => {
          const link = { sally, attack: engine.attack, enterOther };
          return linkShim(memory, short ? linkInside(parts, LIMIT, link) : LEAVES_ALL);
        },
      },
    });
    wasi.bind(this.memory);
    this.#functions = wasi.imports().wasi_snapshot_preview1 as Record<string, WasiFunction>;
    this.#open(0o100644n, 5n);
    this.#open(0o040755n, 6n);
  }

  /** Opens something of that mode, with an honest host. */
  #open(mode: bigint, ret: bigint): void {
    const lie = { ret, words: [0n, 0n, 0n, mode], seed: 0, batches: [], trash: [], error: 0 };
    this.bytes.fill(120, 0, 1);
    if (this.call("path_open", [3, 0, 0, 1, 0, 2n, 0n, 0, 8], lie) !== 0) throw new Error("nothing was opened");
  }

  /** Calls a function of WASI while the host tells a lie. */
  call(name: string, args: readonly (number | bigint)[], lie: Lie): Answer {
    this.host.begin(lie);
    try {
      return this.#functions[name]!(...args);
    } catch (error) {
      if ((error as { code?: string }).code !== "EATTACKED") throw error;
      return "attacked";
    }
  }
}
