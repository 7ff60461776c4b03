import { PosternError } from "../errors.js";
import { Cursor, malformed } from "./cursor.js";
import { type Producers, readProducers, readTargetFeatures, type TargetFeature } from "./custom.js";
import { identify } from "./identify.js";
import type { CustomSection, ModuleInfo, SectionPlace } from "./model.js";
import { lazyNames, type ModuleNames, noNames } from "./names.js";
import { SECTION_RULES, type SectionDraft } from "./sections.js";

const HEADER_BYTES = 8;
const CUSTOM_SECTIONS_MAX = 10_000;
const CUSTOM = 0;
const TABLE = 4;
const MEMORY = 5;
const ELEMENT = 9;
const CODE = 10;
const DATA = 11;

interface Draft extends SectionDraft {
  customSections: CustomSection[];
  names: ModuleNames;
  producers: Producers | undefined;
  targetFeatures: TargetFeature[] | undefined;
  sizes: { file: number; elements: number; code: number; data: number };
  memorySection: SectionPlace | undefined;
  tableSection: SectionPlace | undefined;
}

type CustomReader = (cursor: Cursor) => Partial<Draft>;

/** Custom sections that are understood. What they hold is for people, so a damaged one is passed over. */
const CUSTOM_READERS: ReadonlyMap<string, CustomReader> = new Map<string, CustomReader>([
  ["name", (cursor) => ({ names: lazyNames(cursor.bytes, cursor.position, cursor.end) })],
  ["producers", (cursor) => ({ producers: readProducers(cursor) })],
  ["target_features", (cursor) => ({ targetFeatures: readTargetFeatures(cursor) })],
]);

/**
 * Reads what a runtime must know about a WebAssembly module. Code and data are stepped over, so a module of 75 MB takes
 * no longer than its imports, exports and function count ask for.
 *
 * The bytes are not copied; they must not change while the result is in use. Whether the code is valid is the engine's
 * business.
 *
 * @param bytes a whole .wasm file
 * @throws PosternError EBADPROGRAM when the file is no WebAssembly or of an unknown version; EMALFORMED with `offset`
 *   when it is cut off or damaged
 */
export function readModule(bytes: Uint8Array): ModuleInfo {
  const format = identify(bytes);
  const draft = emptyDraft(bytes.length);
  if (format.format === "component") return moduleInfo("component", draft);
  if (format.format === "cut-off") throw malformed(bytes.length, "the header of 8 bytes is not complete");
  if (format.format !== "module") {
    throw new PosternError("EBADPROGRAM", `the program is ${format.description}; ${format.advice}`);
  }
  readSections(bytes, draft);
  if (draft.bodyCount !== draft.functionCount) {
    throw malformed(bytes.length, `${draft.functionCount} functions are declared and ${draft.bodyCount} have a body`);
  }
  return moduleInfo("module", draft);
}

function emptyDraft(fileSize: number): Draft {
  return {
    types: [],
    imports: [],
    exports: [],
    memories: [],
    tables: [],
    functionTypes: [],
    functionCount: 0,
    bodyCount: 0,
    start: undefined,
    customSections: [],
    names: noNames,
    producers: undefined,
    targetFeatures: undefined,
    sizes: { file: fileSize, elements: 0, code: 0, data: 0 },
    memorySection: undefined,
    tableSection: undefined,
  };
}

function moduleInfo(format: ModuleInfo["format"], draft: Draft): ModuleInfo {
  const { functionTypes: _types, bodyCount: _bodies, ...info } = draft;
  return { format, ...info };
}

function readSections(bytes: Uint8Array, draft: Draft): void {
  const file = new Cursor(bytes, HEADER_BYTES, bytes.length);
  let orderBefore = 0;
  while (!file.atEnd) {
    const { identifier, start, contents } = file.section();
    if (identifier === CUSTOM) {
      readCustomSection(contents, draft);
      continue;
    }
    orderBefore = readSection(identifier, start, contents, draft, orderBefore);
  }
}

/** @returns the place of this section in the order of sections, which the next one must exceed */
function readSection(identifier: number, start: number, contents: Cursor, draft: Draft, orderBefore: number): number {
  const rule = SECTION_RULES.get(identifier);
  if (rule === undefined) throw malformed(start, `section ${identifier} is unknown`);
  if (rule.order <= orderBefore) throw malformed(start, `the ${rule.name} section is out of order or comes twice`);
  const size = contents.remaining;
  if (identifier === TABLE) draft.tableSection = { start, end: contents.end };
  if (identifier === MEMORY) draft.memorySection = { start, end: contents.end };
  if (identifier === ELEMENT) draft.sizes.elements = size;
  if (identifier === CODE) draft.sizes.code = size;
  if (identifier === DATA) draft.sizes.data = size;
  rule.read?.(contents, draft);
  if (rule.read !== undefined && rule.partly !== true && !contents.atEnd) {
    throw malformed(contents.position, `the ${rule.name} section is longer than what it holds`);
  }
  return rule.order;
}

function readCustomSection(contents: Cursor, draft: Draft): void {
  const name = contents.name("the name of a custom section");
  if (draft.customSections.length >= CUSTOM_SECTIONS_MAX) {
    throw malformed(contents.position, `more than ${CUSTOM_SECTIONS_MAX} custom sections`);
  }
  draft.customSections.push({ name, size: contents.remaining });
  try {
    Object.assign(draft, CUSTOM_READERS.get(name)?.(contents));
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
  }
}
