import { type ElfLayoutOptions, layOutElf } from "../../measure/elf.js";
import { measurePages } from "../../measure/pages.js";
import { parseCommandLine } from "../command-line.js";
import type { CommandDeclaration } from "../declaration.js";
import { ExitStatus } from "../failure.js";
import { progressOn, withSink, withSource } from "./input.js";
import { EXIT_NOTE, EXPECT_OPTION, JSON_OPTION, Options, show, verdictOn } from "./output.js";

export const declaration: CommandDeclaration = {
  name: "measure elf",
  summary: "MRENCLAVE of an enclave built from an ELF program",
  operands: [{ name: "FILE", description: "a static position-independent x86-64 program", kind: "file" }],
  options: [
    { name: "threads", value: "N", description: "threads, each with stack, TCS and SSA frames (default 1)" },
    { name: "nssa", value: "N", description: "SSA frames of a thread (default 3)" },
    { name: "ssa-frame-pages", value: "N", description: "pages of an SSA frame (default 1)" },
    { name: "heap-pages", value: "N", description: "pages of the heap (default 256)" },
    { name: "stack-pages", value: "N", description: "pages of a stack (default 16)" },
    { name: "size", value: "BYTES", description: "bytes of the enclave, a power of two (default: the smallest)" },
    EXPECT_OPTION,
    { name: "stream", value: "FILE", kind: "file", description: "write the enclave as an SGXS file" },
    JSON_OPTION,
  ],
  notes: ["Where each part goes is described in docs/measure.md. The program is only read, never run.", EXIT_NOTE],
  example: [
    "echo 'void _start(void) { for (;;); }' | cc -x c -static-pie -nostdlib -o loop -",
    "postern measure elf loop",
  ],
  failureStatus: ExitStatus.usage,
};

export async function execute(argv: readonly string[]): Promise<number> {
  const line = parseCommandLine(declaration, argv);
  const options = new Options(line);
  const { progress, finish } = progressOn(process.stderr);
  const chosen = chosenLayout(options);
  const { layout, measured } = await withSink(options.get("stream"), (sink) =>
    withSource(line.operands[0]!, (source) => {
      const layout = layOutElf(source, chosen);
      const total = layout.pageCount * 4096;
      const tell = progress && { progress: (done: number) => progress(done, total) };
      return { layout, measured: measurePages(layout, { ...sink, ...tell }) };
    }),
  ).finally(finish);
  const { pages: _, ...places } = layout;
  const hex = (value: bigint) => `0x${value.toString(16)}`;
  return show(options, {
    lines: [
      ["MRENCLAVE", measured.mrenclave],
      ["enclave size", hex(layout.size)],
      ["entry", hex(layout.entry)],
      ["image end", hex(layout.imageEnd)],
      ["heap", hex(layout.heap)],
      ["TCS", layout.tcs.map(hex).join(" ")],
      ["pages", layout.pageCount],
      ["records", measured.records],
      ["stream bytes", measured.streamLength],
    ],
    fields: { ...measured, ...places },
    ...verdictOn(options, "MRENCLAVE", measured.mrenclave),
  });
}

function chosenLayout(options: Options): ElfLayoutOptions {
  const counts = {
    threads: options.count("threads"),
    nssa: options.count("nssa"),
    ssaframesize: options.count("ssa-frame-pages"),
    heap: options.count("heap-pages"),
    stack: options.count("stack-pages"),
    size: options.number("size", 64),
  };
  return Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== undefined));
}
