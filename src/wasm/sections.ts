import { type Cursor, malformed } from "./cursor.js";
import type { ExternalKind, ModuleExport, ModuleImport } from "./model.js";
import {
  type DefinedTable,
  type FunctionType,
  type MemoryType,
  readDefinedTable,
  readGlobalType,
  readLimits,
  readTableType,
  readTypes,
} from "./types.js";

/** What the sections add up to while a module is read. */
export interface SectionDraft {
  types: (FunctionType | undefined)[];
  imports: ModuleImport[];
  exports: ModuleExport[];
  memories: MemoryType[];
  tables: DefinedTable[];
  /** Types of all functions by index, imported ones first. */
  functionTypes: FunctionType[];
  /** Functions the module defines. */
  functionCount: number;
  /** Functions that have a body. */
  bodyCount: number;
  start: number | undefined;
}

/** How a section is treated. */
export interface SectionRule {
  /** Place in the order of sections: core specification, section 5.5.2. */
  readonly order: number;
  readonly name: string;
  /** Reads the contents; absent for sections that are stepped over. */
  readonly read?: (cursor: Cursor, draft: SectionDraft) => void;
  /** Whether `read` looks at the beginning only. */
  readonly partly?: boolean;
}

/** Limits as V8's or below. */
const IMPORTS_MAX = 100_000;
const EXPORTS_MAX = 100_000;
const FUNCTIONS_MAX = 1_000_000;
const MEMORIES_MAX = 100;
const TABLES_MAX = 100_000;

/** Section identifier to its rule. Identifier 0, custom, is handled apart: such sections may come anywhere. */
export const SECTION_RULES: ReadonlyMap<number, SectionRule> = new Map<number, SectionRule>([
  [1, { order: 1, name: "type", read: readTypeSection }],
  [2, { order: 2, name: "import", read: readImportSection }],
  [3, { order: 3, name: "function", read: readFunctionSection }],
  [4, { order: 4, name: "table", read: readTableSection }],
  [5, { order: 5, name: "memory", read: readMemorySection }],
  [13, { order: 6, name: "tag" }],
  [6, { order: 7, name: "global" }],
  [7, { order: 8, name: "export", read: readExportSection }],
  [8, { order: 9, name: "start", read: readStartSection }],
  [9, { order: 10, name: "element" }],
  [12, { order: 11, name: "data count" }],
  [10, { order: 12, name: "code", read: readBodyCount, partly: true }],
  [11, { order: 13, name: "data" }],
]);

/** Kind byte of imports and exports to kind. */
const KINDS: readonly ExternalKind[] = ["function", "table", "memory", "global", "tag"];

/** What follows the kind of an import. */
const IMPORT_READERS: readonly ((cursor: Cursor, draft: SectionDraft, module: string, name: string) => ModuleImport)[] =
  [
    (cursor, draft, module, name) => {
      const type = readTypeIndex(cursor, draft);
      draft.functionTypes.push(type);
      return { module, name, kind: "function", type };
    },
    (cursor, _draft, module, name) => ({ module, name, kind: "table", table: readTableType(cursor) }),
    (cursor, _draft, module, name) => ({ module, name, kind: "memory", memory: readLimits(cursor, "a memory") }),
    (cursor, _draft, module, name) => ({ module, name, kind: "global", global: readGlobalType(cursor) }),
    (cursor, draft, module, name) => {
      cursor.u8("the attribute of a tag");
      return { module, name, kind: "tag", type: readTypeIndex(cursor, draft) };
    },
  ];

function readTypeSection(cursor: Cursor, draft: SectionDraft): void {
  draft.types = readTypes(cursor);
}

function readImportSection(cursor: Cursor, draft: SectionDraft): void {
  const count = cursor.count("imports", IMPORTS_MAX, 4);
  for (let index = 0; index < count; index++) {
    const module = cursor.name("the module name of an import");
    const name = cursor.name("the name of an import");
    const start = cursor.position;
    const reader = IMPORT_READERS[cursor.u8("the kind of an import")];
    if (reader === undefined) throw malformed(start, "the kind of an import is unknown");
    draft.imports.push(reader(cursor, draft, module, name));
  }
}

function readFunctionSection(cursor: Cursor, draft: SectionDraft): void {
  draft.functionCount = cursor.count("functions", FUNCTIONS_MAX, 1);
  for (let index = 0; index < draft.functionCount; index++) draft.functionTypes.push(readTypeIndex(cursor, draft));
}

function readTableSection(cursor: Cursor, draft: SectionDraft): void {
  const count = cursor.count("tables", TABLES_MAX, 3);
  for (let index = 0; index < count; index++) draft.tables.push(readDefinedTable(cursor));
}

function readMemorySection(cursor: Cursor, draft: SectionDraft): void {
  const count = cursor.count("memories", MEMORIES_MAX, 2);
  for (let index = 0; index < count; index++) draft.memories.push(readLimits(cursor, "a memory"));
}

function readExportSection(cursor: Cursor, draft: SectionDraft): void {
  const count = cursor.count("exports", EXPORTS_MAX, 3);
  const names = new Set<string>();
  for (let position = 0; position < count; position++) {
    const start = cursor.position;
    const name = cursor.name("the name of an export");
    if (names.has(name)) throw malformed(start, `two exports have the name ${JSON.stringify(name)}`);
    names.add(name);
    const kind = KINDS[cursor.u8("the kind of an export")];
    if (kind === undefined) throw malformed(cursor.position - 1, "the kind of an export is unknown");
    const index = cursor.u32("the index of an export");
    const type = kind === "function" ? draft.functionTypes[index] : undefined;
    if (kind === "function" && type === undefined) throw malformed(start, `there is no function ${index} to export`);
    draft.exports.push({ name, kind, index, type });
  }
}

function readStartSection(cursor: Cursor, draft: SectionDraft): void {
  const start = cursor.position;
  draft.start = cursor.u32("the start function");
  if (draft.start >= draft.functionTypes.length) throw malformed(start, `there is no function ${draft.start} to start`);
}

function readBodyCount(cursor: Cursor, draft: SectionDraft): void {
  draft.bodyCount = cursor.count("function bodies", FUNCTIONS_MAX, 2);
}

function readTypeIndex(cursor: Cursor, draft: SectionDraft): FunctionType {
  const start = cursor.position;
  const index = cursor.u32("a type index");
  const type = draft.types[index];
  if (type === undefined) throw malformed(start, `type ${index} is no function type`);
  return type;
}
