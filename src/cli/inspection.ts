import {
  allMemories,
  type Classification,
  describeFunctionType,
  type ModuleImport,
  type ModuleInfo,
  PAGE_BYTES,
  type Producers,
  usesThreads,
} from "../wasm/index.js";
import { printable } from "./printable.js";

/** What `examine` says about a file. */
export interface Examined {
  readonly info: ModuleInfo | undefined;
  readonly classification: Classification;
}

const LABEL_WIDTH = 9;
const INDENT = " ".repeat(LABEL_WIDTH + 3);
const LINE_WIDTH = 96;
/** Names shown in words; JSON has all. */
const NAMES_SHOWN_MAX = 100;

const KINDS: Readonly<Record<Classification["kind"], string>> = {
  command: "a command",
  reactor: "a reactor (a program that others call)",
  library: "a library (neither _start nor _initialize)",
  invalid: "not a program that can be called",
};

/** The report as one JSON object. Its members are documented in docs/cli.md. */
export function inspectionJson(file: string, { info, classification }: Examined): string {
  const module = info && {
    format: info.format,
    imports: info.imports,
    exports: info.exports,
    memories: allMemories(info),
    functions: info.functionCount,
    start: info.start,
    customSections: info.customSections,
    name: info.names.module,
    producers: info.producers,
    targetFeatures: info.targetFeatures,
    sizes: info.sizes,
  };
  return `${JSON.stringify({ file, ...classification, module: module ?? null }, null, 2)}\n`;
}

/** The report in words. */
export function inspectionText(file: string, { info, classification }: Examined): string {
  const { kind, runnable, problems } = classification;
  const what = info?.format === "module" ? `${KINDS[kind]}, ` : "";
  const head = `${printable(file)}: ${what}${runnable ? "can run here" : "cannot run here"}`;
  const reasons = problems.flatMap(({ message, advice }) => [
    ...wrap("  ", "    ", printable(message)),
    ...wrap("    ", "    ", printable(advice)),
  ]);
  const facts = info?.format === "module" ? moduleFacts(info) : [];
  return [head, ...reasons, ...facts, ""].join("\n");
}

function moduleFacts(info: ModuleInfo): string[] {
  const { file, code, data } = info.sizes;
  const facts: [string, string][] = [
    [
      "size",
      `${readableSize(file)}: ${info.functionCount} ${info.functionCount === 1 ? "function" : "functions"} in ${readableSize(code)}, data ${readableSize(data)}`,
    ],
    ["memory", memoryFacts(info)],
    ...importFacts(info.imports).map(([module, names]): [string, string] => [`imports`, `from ${module}: ${names}`]),
    ["exports", nameList(info.exports.map(({ name, kind }) => (kind === "function" ? name : `${name} (${kind})`)))],
    ["made by", producerFacts(info.producers)],
    ["features", nameList((info.targetFeatures ?? []).filter(({ used }) => used).map(({ name }) => name))],
  ];
  if (usesThreads(info)) facts.push(["threads", "uses threads, which need the thread backend"]);
  if (info.start !== undefined) facts.push(["start", `function ${info.start} runs during instantiation`]);
  return facts
    .filter(([, text]) => text !== "")
    .flatMap(([label, text]) => wrap(`  ${label.padEnd(LABEL_WIDTH)} `, INDENT, printable(text)));
}

/** Functions by the module they come from; those that are no functions, and wrong ones, show what they are. */
function importFacts(imports: readonly ModuleImport[]): [string, string][] {
  const byModule = new Map<string, string[]>();
  for (const entry of imports) {
    const names = byModule.get(entry.module) ?? [];
    byModule.set(entry.module, names);
    names.push(entry.kind === "function" ? functionName(entry) : `${entry.name} (${entry.kind})`);
  }
  return [...byModule].map(([module, names]) => [module, nameList(names)]);
}

/** WASI functions are known by their names; others need their types to mean anything. */
function functionName(entry: ModuleImport & { kind: "function" }): string {
  return entry.module.startsWith("wasi") ? entry.name : `${entry.name} ${describeFunctionType(entry.type)}`;
}

function memoryFacts(info: ModuleInfo): string {
  const texts = allMemories(info).map(({ minimum, maximum, shared, is64 }) => {
    const most = maximum === undefined ? "no maximum" : `at most ${readableSize(maximum * PAGE_BYTES)}`;
    const marks = [shared ? ", shared" : "", is64 ? ", 64-bit" : ""].join("");
    return `at least ${readableSize(minimum * PAGE_BYTES)}, ${most}${marks}`;
  });
  const imported = info.imports.some(({ kind }) => kind === "memory");
  return texts.length === 0 ? "none" : `${texts.join("; ")}${imported ? " (imported)" : ""}`;
}

function producerFacts(producers: Producers | undefined): string {
  const all = producers === undefined ? [] : [...producers.language, ...producers.processedBy, ...producers.sdk];
  return nameList(all.map(({ name, version }) => `${name} ${version}`.trim()));
}

function nameList(names: readonly string[]): string {
  const rest = names.length - NAMES_SHOWN_MAX;
  return names.slice(0, NAMES_SHOWN_MAX).join(", ") + (rest > 0 ? ` and ${rest} more (--json lists all)` : "");
}

/** Bytes as a number a person can take in: `17.4 MiB`. */
export function readableSize(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}

/** A text broken between words; the first line starts with `head`, the others with `indent`. */
function wrap(head: string, indent: string, text: string): string[] {
  const lines: string[] = [];
  let line = head;
  let empty = true;
  for (const word of text.split(" ")) {
    if (!empty && line.length + 1 + word.length > LINE_WIDTH) {
      lines.push(line);
      line = indent;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}
