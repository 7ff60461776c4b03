import type { Producers, TargetFeature } from "./custom.js";
import type { ModuleNames } from "./names.js";
import type { DefinedTable, FunctionType, GlobalType, MemoryType, TableType } from "./types.js";

/** What a module asks its environment for. */
export type ModuleImport = { readonly module: string; readonly name: string } & (
  | { readonly kind: "function"; readonly type: FunctionType }
  | { readonly kind: "table"; readonly table: TableType }
  | { readonly kind: "memory"; readonly memory: MemoryType }
  | { readonly kind: "global"; readonly global: GlobalType }
  | { readonly kind: "tag"; readonly type: FunctionType }
);

/** What can be imported and exported. */
export type ExternalKind = ModuleImport["kind"];

/** What a module offers. */
export interface ModuleExport {
  readonly name: string;
  readonly kind: ExternalKind;
  /** Index in the index space of its kind, where imports come first. */
  readonly index: number;
  /** Type of an exported function; `undefined` for every other kind. */
  readonly type: FunctionType | undefined;
}

/** A section that the format itself does not define. */
export interface CustomSection {
  readonly name: string;
  /** Bytes of its contents, without the name. */
  readonly size: number;
}

/** Where a section lies in the file. */
export interface SectionPlace {
  /** Offset of the section's identifier byte. */
  readonly start: number;
  /** Offset of the first byte behind it. */
  readonly end: number;
}

/** What `readModule` learns about a program. */
export interface ModuleInfo {
  /** A component is recognised and not read further: its lists are empty. */
  readonly format: "module" | "component";
  readonly imports: readonly ModuleImport[];
  readonly exports: readonly ModuleExport[];
  /** Memories the module defines itself; imported ones are in `imports`. */
  readonly memories: readonly MemoryType[];
  /** Tables the module defines itself. */
  readonly tables: readonly DefinedTable[];
  /** Function types by index; `undefined` where the type is a structure or an array. */
  readonly types: readonly (FunctionType | undefined)[];
  /** How many functions the module defines itself. */
  readonly functionCount: number;
  /** Index of the start function, which runs during instantiation; `undefined` without a start section. */
  readonly start: number | undefined;
  readonly customSections: readonly CustomSection[];
  /** Names from the name section, decoded at the first use. Holds on to the bytes of the module. */
  readonly names: ModuleNames;
  /** Which tools made the module, if it says so. */
  readonly producers: Producers | undefined;
  /** Which features the module uses, if it says so. */
  readonly targetFeatures: readonly TargetFeature[] | undefined;
  /** Sizes in bytes: of the whole file, of the contents of its sections of table elements, code and data. */
  readonly sizes: { readonly file: number; readonly elements: number; readonly code: number; readonly data: number };
  /** Where the table section lies, if there is one. */
  readonly tableSection: SectionPlace | undefined;
  /** Where the memory section lies, if there is one. */
  readonly memorySection: SectionPlace | undefined;
}

/** All memories of a module by index: imported ones come first. */
export function allMemories(info: ModuleInfo): MemoryType[] {
  const imported = info.imports.flatMap((entry) => (entry.kind === "memory" ? [entry.memory] : []));
  return [...imported, ...info.memories];
}
