/** What a backend gets to run, and what it answers. Everything in it can be posted to another thread. */
import type { Limits, Policy } from "../../host/index.js";
import type { WasiGrant } from "../../shim/wasi/index.js";
import type { Program } from "../program.js";
import type { ThreadSetup } from "./shared.js";
import type { GateMemory } from "./short-way.js";

/** Where the trace of a keep goes. */
export interface TraceSetup {
  readonly descriptor: number;
  readonly format: "text" | "json";
  readonly immediate: boolean;
  /** Lines that are not written yet; shared memory, so that they survive the thread. */
  readonly memory: SharedArrayBuffer;
}

/** Words of the memory in which a keep and whoever stops it talk. */
export const Control = {
  /** Nonzero: the keep must stop. */
  STOP: 0,
  /**
   * Nonzero while the thread runs code of the program, and only then may it be ended. In the host a descriptor just opened
   * would be lost; and a foreign function that returns to an engine which is ending makes Node abort the process.
   */
  IN_PROGRAM: 1,
  /** Of a program with one thread; each further one has an IN_PROGRAM of its own behind. */
  WORDS: 2,
} as const;

/** A keep, ready to be entered. */
export interface Setup {
  /** Where rows and control words lie, where calls can go the short way. */
  readonly gate?: GateMemory | undefined;
  readonly program: Program;
  readonly args: readonly Uint8Array[];
  readonly env: readonly Uint8Array[];
  /** Rows of the keep's descriptor table; shared memory where another thread cleans up. */
  readonly rows: Int32Array;
  /** The program's descriptors in order of their numbers. */
  readonly grants: readonly WasiGrant[];
  readonly limits: Limits;
  readonly policy: Policy;
  readonly trace: TraceSetup | undefined;
  /** See {@link Control}. Shared memory. */
  readonly control: Int32Array;
  /** Present where the program may start threads: what this one of them is told. */
  readonly threads?: ThreadSetup;
  /** Whether large data may go past the block, straight between the host and the program's memory. Default true. */
  readonly window?: boolean;
}

/** A frame of the program's stack. */
export interface Frame {
  /** Name of the function, from the name section, or its index. */
  readonly function: string;
  /** Byte offset in the module. */
  readonly offset: number;
}

/** A fault of the program. */
export interface Exception {
  /** What went wrong, in words: "divide by zero", "call stack exhausted", ... */
  readonly message: string;
  /** Trap number, error code and address in the terms of the entry contract. */
  readonly trapnr: number;
  readonly errorCode: number;
  readonly address: number;
  /** The program's stack, innermost first, as far as the engine tells. */
  readonly frames: readonly Frame[];
  /** The last call made at the boundary, as a trace shows it; empty when there was none. */
  readonly lastCall: string;
  /** The fault of the program's exception entry, where that was entered and faulted too. */
  readonly nested?: Exception;
}

/** How a program ended. */
export type Outcome =
  /** By proc_exit or by returning; the code has 32 bits. `handled`: it faulted, and its exception entry exited. */
  | { readonly kind: "exited"; readonly code: number; readonly handled?: Exception }
  /** By a fault. */
  | { readonly kind: "trapped"; readonly exception: Exception }
  /** By a stop request. The reason is the keep's to tell. */
  | { readonly kind: "stopped" }
  /** A reactor is initialised and waits for calls. */
  | { readonly kind: "ready" };

/** How a call of a reactor's function ended. */
export type CallOutcome = { readonly kind: "returned"; readonly value: unknown } | Outcome;

/** A keep that was entered. */
export interface Backend {
  /** Resolved when the program begins to run, or will not run at all: a new thread takes its time to start. */
  readonly entered: Promise<void>;
  /** Settled when a command runs or a reactor is initialised; rejected when it could not be started. */
  readonly started: Promise<void>;
  /** How the program ended. Rejected when Postern itself failed, or the keep was attacked. */
  readonly outcome: Promise<Outcome>;
  /**
   * Calls an exported function of a reactor. Anything but "returned": the keep ended before it or in it.
   * Rejected with EINVALIDARGUMENT when there is no such function or the arguments do not fit; the keep goes on.
   */
  call(name: string, args: readonly unknown[]): Promise<CallOutcome>;
  /** Makes the program end, whatever it does. */
  stop(): void;
}
