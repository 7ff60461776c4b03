/**
 * The part of the WebAssembly JavaScript API that Postern uses, typed. TypeScript declares it only together with the whole
 * browser library, which would let browser globals slip into code that runs in Node.
 *
 * Source: WebAssembly JavaScript Interface, section 5.
 */
export const WebAssembly: WebAssemblyInterface = (globalThis as unknown as { WebAssembly: WebAssemblyInterface })
  .WebAssembly;

/** The global object `WebAssembly`. */
export interface WebAssemblyInterface {
  readonly Module: {
    /** Compiles on the calling thread. */
    new (bytes: Uint8Array): WebAssemblyModule;
    imports(module: WebAssemblyModule): { module: string; name: string; kind: WebAssemblyKind }[];
    exports(module: WebAssemblyModule): { name: string; kind: WebAssemblyKind }[];
  };
  readonly Instance: new (module: WebAssemblyModule, imports?: WebAssemblyImports) => WebAssemblyInstance;
  readonly Memory: new (descriptor: WebAssemblyMemoryDescriptor) => WebAssemblyMemory;
  readonly Table: new (descriptor: { element: "anyfunc"; initial: number }) => WebAssemblyTable;
  readonly Global: new (descriptor: { value: "i32"; mutable: boolean }, value: number) => WebAssemblyGlobal;
  readonly CompileError: ErrorConstructor;
  readonly LinkError: ErrorConstructor;
  readonly RuntimeError: ErrorConstructor;
  compile(bytes: Uint8Array): Promise<WebAssemblyModule>;
  validate(bytes: Uint8Array): boolean;
}

export type WebAssemblyKind = "function" | "table" | "memory" | "global" | "tag";

/** A compiled module; it can be posted to workers. The brand keeps other objects from being taken for one. */
export interface WebAssemblyModule {
  readonly [Symbol.toStringTag]: "WebAssembly.Module";
}

/** Import objects by module name, then by name. */
export type WebAssemblyImports = Record<string, Record<string, unknown>>;

export interface WebAssemblyInstance {
  readonly exports: Record<string, unknown>;
}

/** Sizes in pages of 65536 bytes. */
export interface WebAssemblyMemoryDescriptor {
  readonly initial: number;
  readonly maximum?: number;
  readonly shared?: boolean;
}

export interface WebAssemblyMemory {
  /** Another object after each growth, and also after `grow(0)`. A SharedArrayBuffer if the memory is shared. */
  readonly buffer: ArrayBuffer;
  /** @returns the size before, in pages */
  grow(pages: number): number;
}

/** A table of functions that modules can share. */
export interface WebAssemblyTable {
  /** @param value a function that a module exports */
  set(index: number, value: unknown): void;
}

/** A variable that modules can share, here always an i32. */
export interface WebAssemblyGlobal {
  value: number;
}
