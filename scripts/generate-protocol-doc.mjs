// Writes the parts of docs/sallyport.md that come from data: the table of calls, from the descriptions the code itself
// uses, and pictures of real blocks, from the recorded cases. Build first.
//   node scripts/generate-protocol-doc.mjs            writes them
//   node scripts/generate-protocol-doc.mjs --check    says whether they are up to date
import { readFileSync, writeFileSync } from "node:fs";
import { Argument, Direction, Part, Result } from "../dist/sallyport/call.js";
import { plans } from "../dist/sallyport/calls.js";
import { Kind } from "../dist/sallyport/constants.js";

const DOCUMENT = new URL("../docs/sallyport.md", import.meta.url);
const VECTORS = new URL("../test/vectors/data/sallyport-guest.jsonl", import.meta.url);

const RESULTS = {
  [Result.UNIT]: "unit",
  [Result.INT]: "0 to 2^31-1",
  [Result.SIZE]: "size",
  [Result.WORD]: "word",
  [Result.BYTE]: "byte",
  [Result.OPTIONAL_BYTE]: "byte or nothing",
  [Result.TRUNCATED]: "low 32 bits, signed",
};
const DIRECTIONS = { [Direction.IN]: "in", [Direction.OUT]: "out", [Direction.INOUT]: "in and out" };
const PARTS = {
  [Part.VALUE]: "",
  [Part.OFFSET]: " offset",
  [Part.LENGTH]: " length",
  [Part.COUNT]: " count",
  [Part.LENGTH_OFFSET]: " length's offset",
};

/** A table in Markdown. */
function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => (cell === "" ? "-" : cell)).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function slots(plan) {
  return plan.slotParameter
    .slice(0, plan.slotCount)
    .map((index, slot) => `${plan.parameters[index].name}${PARTS[plan.slotPart[slot]]}`)
    .join(", ");
}

function datum({ name, argument, size, align, direction, shrinks, optional }) {
  const bytes =
    argument === Argument.RECORD
      ? `${size}/${align}`
      : argument === Argument.RECORDS
        ? `n*${size}/${align}`
        : `n/${align}`;
  const notes = [bytes, DIRECTIONS[direction], ...(shrinks ? ["shrinks"] : []), ...(optional ? ["optional"] : [])];
  const length = argument === Argument.ADDRESS ? "; its length (4/4, in and out)" : "";
  const zero = argument === Argument.PATH ? ", with a zero byte" : "";
  return `${name} (${notes.join(", ")}${zero})${length}`;
}

function row(plan) {
  const data = plan.allocation.map((index) => datum(plan.parameters[index])).join("; ");
  const limit = plan.limit < 0 ? "" : `, at most ${plan.parameters[plan.limit].name}`;
  const own = plan.ownResult === plan.result ? "" : ` (ours: ${RESULTS[plan.ownResult]})`;
  const number = plan.kind === Kind.ENARXCALL ? `0x${plan.number.toString(16).padStart(2, "0")}` : String(plan.number);
  return [`\`${plan.name}\``, number, slots(plan), data, `${RESULTS[plan.result]}${limit}${own}`];
}

/** The table of the calls that `chosen` picks. */
function calls(chosen) {
  const head = ["call", "number", "arguments", "data, in order (bytes/alignment)", "result"];
  return table(head, Object.values(plans).filter(chosen).map(row));
}

const KINDS = { 0: "END", 1: "SYSCALL", 2: "GDBCALL", 3: "ENARXCALL" };

/** What each word of a block means, by byte offset. */
function meanings(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const names = new Map();
  let at = 0;
  for (;;) {
    const size = Number(view.getBigUint64(at, true));
    const kind = Number(view.getBigUint64(at + 8, true));
    names.set(at, `size   ${size} bytes after the header`);
    names.set(at + 8, `kind   ${kind}, ${KINDS[kind]}`);
    if (kind === Kind.END) return { names, end: at + 16 };
    const number = Number(view.getBigUint64(at + 16, true));
    const plan = Object.values(plans).find((each) => each.kind === kind && each.number === number);
    const argumentCount = kind === Kind.SYSCALL ? 6 : 4;
    names.set(at + 16, `num    ${number}, ${plan.name}`);
    for (let slot = 0; slot < argumentCount; slot++) names.set(at + 24 + 8 * slot, `arg${slot}`);
    const ret = at + 24 + 8 * argumentCount;
    names.set(ret, "ret0");
    if (kind === Kind.SYSCALL) names.set(ret + 8, "ret1");
    const data = ret + (kind === Kind.SYSCALL ? 16 : 8);
    for (let byte = data; byte < at + 16 + size; byte += 8) names.set(byte, `data   offset ${byte - data}`);
    at += 16 + size;
  }
}

const spaced = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

/** A picture of the case with that name; `notes` say more about some words. */
function picture(name, notes) {
  const vector = readFileSync(VECTORS, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))
    .find((each) => each.name === name);
  const before = Buffer.from(vector.before, "hex");
  const after = Buffer.from(vector.after, "hex");
  const { names, end } = meanings(before);
  const line = (bytes, at, text) =>
    `${String(at).padStart(4)}  ${spaced(bytes.subarray(at, at + 8))}  ${text}`.trimEnd();
  const told = (at) => [names.get(at), notes[at]].filter(Boolean).join("   ");
  const lines = ["handed over:"];
  for (let at = 0; at < end; at += 8) lines.push(line(before, at, told(at)));
  lines.push("", "given back, where it differs:");
  for (let at = 0; at < end; at += 8) {
    if (!before.subarray(at, at + 8).equals(after.subarray(at, at + 8))) lines.push(line(after, at, names.get(at)));
  }
  return ["```", ...lines, "```", "", `Case \`${name}\`; the result is \`${JSON.stringify(vector.result)}\`.`].join(
    "\n",
  );
}

const PARTS_OF_THE_DOCUMENT = {
  "picture-write": () =>
    picture("write/len13/32w/full", {
      24: "fd 1",
      32: "offset of the bytes in the data",
      40: "13 bytes",
      48: "not used: NULL",
      72: "-38 (ENOSYS) until the host answers",
      96: "5 bytes, and 3 of padding that keep what was there",
    }),
  "picture-recvfrom": () =>
    picture("recvfrom/buf2addr7/32w/half", {
      24: "fd 3",
      32: "offset of the bytes: they come last, so that they can shrink",
      40: "2 bytes",
      48: "flags 0",
      56: "offset of the address",
      64: "offset of its length: 7, rounded up to 4",
      88: "room for the address, not written",
      96: "its length, 7; then room for the bytes",
    }),
  "picture-cpuid": () =>
    picture("cpuid/leaf0sub0/32w/ok", {
      24: "leaf 0",
      32: "sub leaf 0",
      40: "offset of the result",
      48: "not used: NULL",
    }),
  "picture-batch": () => picture("batch/close+write+sync/64w/mixed", { 24: "fd 3", 112: "fd 1", 128: "5 bytes" }),
  "calls-syscall": () => calls((plan) => plan.kind === Kind.SYSCALL && !plan.extension),
  "calls-gdb": () => calls((plan) => plan.kind === Kind.GDBCALL),
  "calls-enarx": () => calls((plan) => plan.kind === Kind.ENARXCALL),
  "calls-extension": () => calls((plan) => plan.extension),
};

const before = readFileSync(DOCUMENT, "utf8");
let after = before;
for (const [name, make] of Object.entries(PARTS_OF_THE_DOCUMENT)) {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [start, end] = [after.indexOf(open), after.indexOf(close)];
  if (start < 0 || end < start)
    throw new Error(`docs/sallyport.md: no place for ${name}: put ${open} and ${close} there`);
  after = `${after.slice(0, start + open.length)}\n\n${make()}\n\n${after.slice(end)}`;
}
if (process.argv.includes("--check")) {
  if (after !== before) {
    console.error("docs/sallyport.md is not up to date: run node scripts/generate-protocol-doc.mjs");
    process.exit(1);
  }
} else writeFileSync(DOCUMENT, after);
