/** A keep without a program: WASI's functions over a real host, with or without the short way. */
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEngine } from "#src/guest/engine.js";
import { DescriptorTable, descriptorRows } from "#src/host/descriptors.js";
import { createHost, type Host } from "#src/host/host.js";
import { Gate } from "#src/keep/backends/short-way.js";
import { ProgramWindow } from "#src/keep/backends/window.js";
import { Block } from "#src/sallyport/block.js";
import { Right } from "#src/sallyport/call.js";
import { BLOCK_BYTES } from "#src/sallyport/constants.js";
import { createWasi, type WasiGrant } from "#src/shim/wasi/index.js";
import { WebAssembly, type WebAssemblyMemory } from "#src/wasm/index.js";

/** Most descriptors. */
export const LIMIT = 24;
export const PAGES_MAX = 8;
const { READ, WRITE, CHANGE, LOOKUP } = Right;

export type WasiFunction = (...parameters: (number | bigint)[]) => number;

const GRANTS: readonly WasiGrant[] = [
  { descriptor: 0, kind: "input" },
  { descriptor: 1, kind: "output" },
  { descriptor: 2, kind: "output", terminal: true },
  { descriptor: 3, kind: "directory", name: Buffer.from("/data") },
  { descriptor: 4, kind: "directory", name: Buffer.from("/same"), readOnly: true },
];

/** One keep over a directory of its own. */
export class TestKeep {
  readonly root = mkdtempSync(join(tmpdir(), "postern-keep-"));
  /** What is granted as descriptors 3 and, for reading, 4. */
  readonly data = join(this.root, "data");
  readonly memory: WebAssemblyMemory;
  readonly functions: Readonly<Record<string, WasiFunction>>;
  readonly table: DescriptorTable;
  /** Blocks that the host in JavaScript executed. */
  executed = 0;
  readonly #gate: Gate | undefined;
  readonly #host: Host;
  readonly #streams: readonly number[];

  /**
   * @param short whether common calls go the short way
   * @param furnish puts something into the directory
   * @param pagesMax what the program's memory may grow to
   */
  constructor(short: boolean, furnish: (data: string) => void, pagesMax = PAGES_MAX) {
    mkdirSync(this.data);
    furnish(this.data);
    writeFileSync(join(this.root, "input"), "what comes in\n".repeat(20));
    const gate = short ? Gate.make(LIMIT, false) : undefined;
    this.#gate = gate;
    const block = gate?.block ?? new Block(new ArrayBuffer(BLOCK_BYTES));
    this.table = new DescriptorTable(gate?.rows ?? descriptorRows(LIMIT));
    this.#streams = [
      openSync(join(this.root, "input"), "r"),
      openSync(join(this.root, "output"), "w"),
      openSync(join(this.root, "errors"), "w"),
    ];
    for (const [number, native] of this.#streams.entries()) this.table.add(native, number === 0 ? READ : WRITE, false);
    const folder = constants.O_RDONLY | constants.O_DIRECTORY;
    this.table.add(openSync(this.data, folder), LOOKUP | READ | WRITE | CHANGE, true);
    this.table.add(openSync(this.data, folder), LOOKUP | READ, true);
    const window = new ProgramWindow();
    const held = gate === undefined ? {} : { held: gate.held };
    this.#host = createHost({ block, descriptors: this.table, window, ...held });
    const sally = () => {
      this.executed++;
      return this.#host.execute();
    };
    const engine = createEngine({ block, sally, window: true });
    this.memory = new WebAssembly.Memory({ initial: 2, maximum: pagesMax });
    const parts = { host: this.#host, sally, attack: engine.attack, tracer: undefined, immediate: false };
    const wasi = createWasi({
      engine,
      args: [],
      env: [],
      descriptors: GRANTS,
      maxDescriptors: LIMIT,
      shortWay: gate?.shortWay(parts),
      memoryChanged: (buffer) => {
        window.change(buffer);
        gate?.changeWindow(window.address(), buffer.byteLength);
      },
    });
    wasi.bind(this.memory);
    this.functions = wasi.imports().wasi_snapshot_preview1 as Record<string, WasiFunction>;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer);
  }

  get view(): DataView {
    return new DataView(this.memory.buffer);
  }

  /** Calls a function of WASI. @returns its error number */
  call(name: string, ...args: readonly (number | bigint)[]): number {
    return this.functions[name]!(...args);
  }

  /** What the program wrote to its standard streams. */
  get written(): readonly string[] {
    return ["output", "errors"].map((name) => readFileSync(join(this.root, name), "latin1"));
  }

  /** Which numbers of the host are open, and with which rights. */
  get open(): readonly string[] {
    return Array.from(this.table.native, (native, number) => `${native >= 0} ${this.table.rights[number]}`);
  }

  close(): void {
    this.#gate?.end();
    this.#host.close();
    for (const stream of this.#streams) closeSync(stream);
    rmSync(this.root, { recursive: true });
  }
}

/** Makes a keep with the short way and one without, over directories with the same contents. */
export function withKeeps<T>(furnish: (data: string) => void, act: (short: TestKeep, long: TestKeep) => T): T {
  const keeps = [new TestKeep(true, furnish), new TestKeep(false, furnish)] as const;
  try {
    return act(...keeps);
  } finally {
    for (const keep of keeps) keep.close();
  }
}
