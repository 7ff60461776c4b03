/** A program without code: WASI's functions over a real engine, and a host that a test plays. */
import { createEngine } from "#src/guest/engine.js";
import { Block } from "#src/sallyport/block.js";
import { Argument, Part, type Plan } from "#src/sallyport/call.js";
import { plansByNumber } from "#src/sallyport/calls.js";
import { Kind } from "#src/sallyport/constants.js";
import { createWasi, type WasiGrant } from "#src/shim/wasi/index.js";
import { WebAssembly, type WebAssemblyMemory } from "#src/wasm/index.js";

/** A call as the host sees it. */
export interface HostCall {
  readonly name: string;
  /** Numbers by parameter name; 64-bit ones as they are in the block. */
  readonly numbers: Record<string, bigint>;
  /** Data by parameter name, in the block: what is written here is what the guest gets. Absent when null. */
  readonly data: Record<string, Uint8Array>;
}

/** Answers a call: its value, or minus an error number. */
export type Host = (call: HostCall) => number | bigint;

const plans = plansByNumber(Kind.SYSCALL);

/** Takes the item at the start of a block apart. */
function decode(block: Block): HostCall {
  const view = new DataView(block.bytes.buffer, block.bytes.byteOffset, block.byteLength);
  const plan = plans[view.getUint32(16, true)] as Plan;
  const numbers: Record<string, bigint> = {};
  const data: Record<string, Uint8Array> = {};
  const dataBytes = Number(view.getBigUint64(0, true)) - 72;
  plan.parameters.forEach((parameter, index) => {
    if (parameter.argument < Argument.BYTES) {
      const slot = plan.slotParameter.findIndex((each, at) => each === index && plan.slotPart[at] === Part.VALUE);
      numbers[parameter.name] = view.getBigInt64(24 + 8 * slot, true);
      return;
    }
    const offset = view.getBigInt64(24 + 8 * plan.offsetSlot[index]!, true);
    if (offset < 0n) return;
    const start = 88 + Number(offset);
    const lengthSlot = plan.lengthSlot[index]!;
    let length = lengthSlot < 0 ? parameter.size : Number(view.getBigInt64(24 + 8 * lengthSlot, true)) * parameter.size;
    if (parameter.argument === Argument.PATH) length = block.bytes.indexOf(0, start) - start;
    if (start + length > 88 + dataBytes) throw new Error(`${plan.name}: data outside of the item`);
    data[parameter.name] = block.bytes.subarray(start, start + length);
  });
  return { name: plan.name, numbers, data };
}

export interface Options {
  readonly host?: Host;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly descriptors?: readonly WasiGrant[];
  readonly pages?: number;
  readonly blockBytes?: number;
  readonly maxDescriptors?: number;
}

const encoder = new TextEncoder();
export const bytesOf = (text: string): Uint8Array => encoder.encode(text);

/** Standard streams and one directory, which the host knows under other numbers than the program. */
export const GRANTS: readonly WasiGrant[] = [
  { descriptor: 0, kind: "input" },
  { descriptor: 1, kind: "output" },
  { descriptor: 2, kind: "output", terminal: true },
  { descriptor: 13, kind: "directory", name: bytesOf("/data") },
];

export type WasiFunction = (...parameters: (number | bigint)[]) => number;

export interface TestProgram {
  readonly functions: Record<string, WasiFunction>;
  readonly unstable: Record<string, WasiFunction>;
  readonly memory: WebAssemblyMemory;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  /** Calls the host saw, without the one that starts the clock. */
  readonly calls: HostCall[];
  readonly exitCode: number | undefined;
  /** Writes text. @returns its length in bytes */
  put(at: number, text: string | Uint8Array): number;
  /** Writes iovecs at `at`. */
  iovecs(at: number, ...buffers: readonly (readonly [number, number])[]): number;
  /** Opens a file of the kind its mode says. @returns the program's number */
  open(mode: number, descriptor: number, rights?: bigint, fdflags?: number, directory?: number): number;
}

export const S_IFREG = 0o100000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;
export const ENOSYS = 38;

/** Makes one. */
export function testProgram(options: Options = {}): TestProgram {
  const block = new Block(new ArrayBuffer(options.blockBytes ?? 69632));
  const calls: HostCall[] = [];
  let opening: readonly [number, number] | undefined;
  const host: Host = (call) => {
    if (opening !== undefined && call.name === "openat2") {
      new DataView(call.data.mode!.buffer, call.data.mode!.byteOffset).setUint32(0, opening[0], true);
      return opening[1];
    }
    return options.host?.(call) ?? -ENOSYS;
  };
  let started = false;
  const sally = (): number => {
    const call = decode(block);
    if (!started) {
      const copies = Object.entries(call.data).map(([name, data]) => [name, data.slice()] as const);
      if (opening === undefined) calls.push({ ...call, data: Object.fromEntries(copies) });
    }
    const result = started ? 0 : host(call);
    const view = new DataView(block.bytes.buffer);
    view.setBigInt64(72, BigInt(result), true);
    if (call.name === "exit_group") wasi.trap();
    return 0;
  };
  const engine = createEngine({ block, sally });
  const memory = new WebAssembly.Memory({ initial: options.pages ?? 1, maximum: 100 });
  const wasi = createWasi({
    engine,
    args: (options.args ?? []).map(bytesOf),
    env: (options.env ?? []).map(bytesOf),
    descriptors: options.descriptors ?? GRANTS,
    ...(options.maxDescriptors === undefined ? {} : { maxDescriptors: options.maxDescriptors }),
  });
  started = true;
  wasi.bind(memory);
  started = false;
  const imports = wasi.imports(["wasi_snapshot_preview1", "wasi_unstable"]);
  const functions = imports.wasi_snapshot_preview1 as Record<string, WasiFunction>;
  const view = () => new DataView(memory.buffer);
  const put = (at: number, text: string | Uint8Array): number => {
    const bytes = typeof text === "string" ? bytesOf(text) : text;
    new Uint8Array(memory.buffer).set(bytes, at);
    return bytes.length;
  };
  return {
    functions,
    unstable: imports.wasi_unstable as Record<string, WasiFunction>,
    memory,
    calls,
    put,
    get view() {
      return view();
    },
    get bytes() {
      return new Uint8Array(memory.buffer);
    },
    get exitCode() {
      return wasi.exitCode;
    },
    iovecs(at, ...buffers) {
      for (const [index, [start, length]] of buffers.entries()) {
        view().setUint32(at + 8 * index, start, true);
        view().setUint32(at + 8 * index + 4, length, true);
      }
      return buffers.length;
    },
    open(mode, descriptor, rights = 0xfffffffn, fdflags = 0, directory = 3) {
      opening = [mode, descriptor];
      put(60000, "opened");
      const error = functions.path_open!(directory, 1, 60000, 6, 0, rights, 0n, fdflags, 60016);
      opening = undefined;
      if (error !== 0) throw new Error(`path_open failed with ${error}`);
      return view().getUint32(60016, true);
    },
  };
}
