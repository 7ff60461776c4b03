/**
 * The memory of a keep whose common calls go the short way, and the modules linked over it. Only for keeps whose calls nobody
 * decides on, watches or counts: everything else needs the host in JavaScript at each call.
 */

import { HELD_COUNT } from "../../host/core.js";
import { CLOSED, rowWords } from "../../host/descriptors.js";
import type { Host } from "../../host/host.js";
import { TRACED_CALLS, writeShortWays } from "../../host/short-way.js";
import { clockGettimeAddress } from "../../kernel/clock.js";
import { executor, type FarExecutor, farExecutor } from "../../kernel/executor.js";
import { addressOf, STRUCTS, SYS } from "../../kernel/index.js";
import { randomSource } from "../../kernel/random.js";
import { type Tracer, textEscapes } from "../../observe/index.js";
import { Block } from "../../sallyport/block.js";
import { BLOCK_BYTES } from "../../sallyport/constants.js";
import { errnoTable, rowsBytes, type ShortWay, type ShortWayLink } from "../../shim/wasi/index.js";
import {
  BLOCK,
  CALL_NAME_BYTES,
  CLOCK,
  CONTROL,
  ERRORS,
  ESCAPE_LENGTH_SHIFT,
  HELD,
  HERE,
  instantiate,
  LISTED_NUMBER,
  MEMORY_PAGE_BYTES,
  OVER,
  PLAN_COUNT,
  PLANS,
  RANDOM,
  ROWS,
  shortWayModule,
  TRACE_BYTES,
  TRACE_ESCAPES,
  TRACE_NAMES,
  WINDOW,
  WINDOW_BYTES,
} from "../../short-way/index.js";
import { WebAssembly, type WebAssemblyMemory, type WebAssemblyModule } from "../../wasm/index.js";
import { Control } from "./setup.js";

const WORD = BigUint64Array.BYTES_PER_ELEMENT;

const decode = (text: string): Uint8Array => Buffer.from(text, "base64");

/** What links the modules of one keep. */
export interface ShortWayParts {
  readonly host: Host;
  /** Hands the block to the host in JavaScript. */
  readonly sally: () => number;
  /** Ends the keep: its host gave an impossible reply. */
  readonly attack: () => never;
  /** What writes the trace, in memory of the gate; each line at once or not. */
  readonly tracer: Tracer | undefined;
  readonly immediate: boolean;
  /** Another build of the module over the block, to be measured. */
  readonly module?: WebAssemblyModule;
}

/** What a gate lies in. */
export interface GateMemory {
  readonly memory: WebAssemblyMemory;
  /** Most descriptors. */
  readonly limit: number;
  /** There is room for the lines of a trace. */
  readonly traced: boolean;
}

const wholeWords = (bytes: number): number => Math.ceil(bytes / WORD) * WORD;

/** Where the table of the program's descriptors lies, behind the rows of the host's. */
function tableAt(limit: number): number {
  return wholeWords(ROWS + rowWords(limit) * Int32Array.BYTES_PER_ELEMENT);
}

/** Where a trace lies. */
function traceAt(limit: number): number {
  return wholeWords(tableAt(limit) + rowsBytes(limit, limit));
}

/** Memory in which the block lies, and what host and inside keep beside it. */
export class Gate {
  /** Rows of the host's descriptors. */
  readonly rows: Int32Array;
  /** See {@link Control}. */
  readonly control: Int32Array;
  /** See the host's `Held`. */
  readonly held: Int32Array;
  readonly block: Block;
  private readonly memory: WebAssemblyMemory;
  private far: FarExecutor | undefined;
  private readonly limit: number;
  private readonly words: BigUint64Array;
  private readonly over: Int32Array;
  private readonly address: number;
  /** Where the table of the program's descriptors lies. */
  private readonly table: number;

  /** Where the trace lies; 0: there is none. */
  private readonly trace: number;

  private constructor({ memory, limit, traced }: GateMemory) {
    this.limit = limit;
    this.memory = memory;
    this.table = tableAt(limit);
    this.trace = traced ? traceAt(limit) : 0;
    const { buffer } = this.memory;
    this.rows = new Int32Array(buffer, ROWS, rowWords(limit));
    this.control = new Int32Array(buffer, CONTROL, Control.WORDS);
    this.held = new Int32Array(buffer, HELD, HELD_COUNT);
    this.block = new Block(buffer, BLOCK, BLOCK_BYTES);
    this.words = new BigUint64Array(buffer);
    this.over = new Int32Array(buffer, OVER, 1);
    this.address = addressOf(this.words);
  }

  /**
   * A gate with no descriptors yet.
   * @param limit most descriptors
   * @param traced with room for the lines of a trace
   * @param shared for a keep with a thread of its own: {@link memory} can be posted to it
   * @returns undefined where this machine has no executor, or no memory for one
   */
  static make(limit: number, traced: boolean, shared = false): Gate | undefined {
    if (executor === undefined) return undefined;
    const pages = Math.ceil((traceAt(limit) + (traced ? TRACE_BYTES : 0)) / MEMORY_PAGE_BYTES);
    try {
      const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
      const gate = new Gate({ memory, limit, traced });
      gate.rows.fill(CLOSED, 0, limit);
      return gate;
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  /** A gate that was made by another thread. @returns undefined where this thread has no executor */
  static over(memory: GateMemory): Gate | undefined {
    return executor === undefined ? undefined : new Gate(memory);
  }

  /** What another thread needs to have the gate as well. */
  get shared(): GateMemory {
    return { memory: this.memory, limit: this.limit, traced: this.trace !== 0 };
  }

  /** Where a tracer collects its lines. */
  get traceMemory(): { readonly memory: ArrayBufferLike; readonly at: number } | undefined {
    return this.trace === 0 ? undefined : { memory: this.memory.buffer, at: this.trace };
  }

  private get isShared(): boolean {
    return !(this.memory.buffer instanceof ArrayBuffer);
  }

  private set(at: number, value: number): void {
    this.words[at / WORD] = BigInt(value);
  }

  /** The program's memory lies here now. */
  changeWindow(address: number, bytes: number): void {
    this.set(WINDOW, address);
    this.set(WINDOW_BYTES, bytes);
  }

  /** No call goes the short way any more. */
  end(): void {
    this.over[0] = 1;
    this.far?.release();
    this.far = undefined;
  }

  /** The short way of a keep. */
  shortWay(parts: ShortWayParts): ShortWay {
    const { buffer } = this.memory;
    const listed = new Int32Array(buffer, LISTED_NUMBER, 2);
    return { table: buffer, at: this.table, listed, link: (link) => this.link(parts, link) };
  }

  private link(parts: ShortWayParts, link: ShortWayLink): Readonly<Record<string, unknown>> {
    const { host, sally, attack } = parts;
    const { memory, limit, table } = this;
    const { aim, run, runThen, runFunction } = this.takeExecutor();
    aim(this.address);
    this.set(HERE, this.address);
    this.set(CLOCK, clockGettimeAddress());
    writeShortWays(new Uint32Array(memory.buffer, PLANS, PLAN_COUNT));
    new Uint8Array(memory.buffer).set(errnoTable(), ERRORS);
    const inside = instantiate(parts.module ?? shortWayModule(this.isShared ? "sharedGate" : "gate", decode), memory, {
      run,
      runThen,
      runFunction,
      runOften: () => run(),
      runFunctionOften: () => runFunction(),
      other: () => {
        // What the short way cannot tell from here: whether the memory has grown.
        link.look();
        return sally();
      },
      adopt: host.adopt,
      ...instantiate(shortWayModule("window", decode), link.memory, {}),
      ...this.linkTrace(parts),
      findRandom: () => this.findRandom(),
      LIMIT: limit,
      FSTAT: SYS.fstat,
      MODE_OFFSET: STRUCTS.stat.fields.st_mode.offset,
      attack,
      enterOther: link.enterOther,
      TABLE: table,
      CAPACITY: limit,
      MAX: limit,
    });
    return instantiate(shortWayModule("shim", decode), link.memory, { ...inside, TRANSFER_MAX: BLOCK_BYTES });
  }

  private linkTrace({ host, tracer, immediate }: ShortWayParts): object {
    const nothing = () => 0;
    if (tracer === undefined) return { TRACE: 0, traceOther: nothing, flushTrace: nothing };
    const { buffer } = this.memory;
    new Int32Array(buffer, this.trace, 2)[1] = immediate ? 1 : 0;
    const { units, lengths } = textEscapes();
    const escapes = new BigUint64Array(buffer, this.trace + TRACE_ESCAPES, lengths.length);
    escapes.set(new BigUint64Array(units.buffer));
    for (const [byte, length] of lengths.entries()) escapes[byte]! |= BigInt(length) << BigInt(ESCAPE_LENGTH_SHIFT);
    for (const [index, name] of TRACED_CALLS.entries()) {
      const text = new TextEncoder().encode(`${name}(`);
      const at = this.trace + TRACE_NAMES + (index + 1) * CALL_NAME_BYTES;
      new Uint8Array(buffer).set([text.length, ...text], at);
    }
    return {
      TRACE: this.trace,
      traceOther: () => {
        host.recall();
        tracer.observer.after(host.request);
      },
      flushTrace: () => tracer.flush(),
    };
  }

  private takeExecutor(): FarExecutor {
    this.far ??= farExecutor()!;
    return this.far;
  }

  private findRandom(): void {
    const source = randomSource();
    if (source === undefined) return;
    this.set(RANDOM + WORD, source.state);
    this.set(RANDOM + 2 * WORD, source.stateLength);
    this.set(RANDOM, source.address);
  }
}
