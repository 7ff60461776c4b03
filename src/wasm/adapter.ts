import { PosternError } from "../errors.js";
import {
  type EncodedExport,
  type EncodedFunctionType,
  type EncodedImport,
  type EncodedType,
  encodeModule,
  Instruction,
  NO_RESULT,
  signed,
  unsigned,
} from "./encode.js";

/** Module name under which the adapter imports its functions. */
export const ADAPTER_IMPORTS = "env";

/** Name of the function the adapter adds, which traps. */
export const ADAPTER_TRAP = "trap";

/** Name of the variable the adapter imports, a mutable i32: once it is not 0, every function of the adapter traps. */
export const ADAPTER_OVER = "over";

/** Names under which the adapter imports the short way: a table of functions, and a mutable i32 that is 1 once they are there. */
export const ADAPTER_SHORT = { TABLE: "shortWay", OPEN: "shortWayOpen" } as const;

const TRAP_WHEN_OVER = [
  ...[Instruction.globalGet, 0],
  ...[Instruction.if, NO_RESULT, Instruction.unreachable, Instruction.end],
];
const SHORT_WAY_OPEN = [Instruction.globalGet, 1];
/** The table, as an instruction names it. */
const SHORT_WAY = 0;
const SIGNATURE = /^[iI]{0,100}$/;

/**
 * Builds the module that stands between a program and the JavaScript functions it imports.
 *
 * For each function it imports `env.<name>` and exports `<name>`. V8 hands an i64 to JavaScript as a BigInt, which costs
 * 30 to 50 ns a call, so the imported one has two i32 for every `I`: the low half first, both signed as JavaScript sees
 * them. Results are one i32, or none.
 *
 * No function is called any more once the imported variable `env.over` is not 0: they trap. The module also exports
 * `trap`, which executes `unreachable`. A trap cannot be caught by a program; an exception thrown by JavaScript can
 * (`catch_all`).
 *
 * Functions with a short way ask it first, with the program's own parameters, while it is open, which it is no more when the
 * program is over; where it answers a negative number, nothing has happened, and the JavaScript function is called.
 *
 * @param signatures function name to parameters, `i` for i32 and `I` for i64
 * @param withoutResult names of the functions that have no result
 * @param short names of the functions that have a short way, in the order of the table
 * @returns bytes of the module
 * @throws PosternError EINVALIDARGUMENT for a parameter other than `i` and `I`, and for a function named `trap` or `over`
 */
export function adapterModule(
  signatures: Readonly<Record<string, string>>,
  withoutResult: ReadonlySet<string> = new Set(),
  short: readonly string[] = [],
): Uint8Array {
  const adapted = Object.entries(signatures);
  for (const [name, parameters] of adapted) check(name, parameters);
  const types: EncodedFunctionType[] = [{ parameters: [], results: [] }];
  const imports: EncodedImport[] = [
    { module: ADAPTER_IMPORTS, name: ADAPTER_OVER, kind: "global", value: "i32", mutable: true },
  ];
  if (short.length > 0) {
    const { TABLE, OPEN } = ADAPTER_SHORT;
    imports.push({ module: ADAPTER_IMPORTS, name: TABLE, kind: "table", limits: { minimum: short.length } });
    imports.push({ module: ADAPTER_IMPORTS, name: OPEN, kind: "global", value: "i32", mutable: true });
  }
  const functions = [];
  const exports: EncodedExport[] = [];
  const trap = { type: 0, code: [Instruction.unreachable] };

  for (const [index, [name, parameters]] of adapted.entries()) {
    const results: EncodedType[] = withoutResult.has(name) ? [] : ["i32"];
    const importType = types.push({ parameters: split(parameters), results }) - 1;
    const exportType = types.push({ parameters: whole(parameters), results }) - 1;
    imports.push({ module: ADAPTER_IMPORTS, name, kind: "function", type: importType });
    const place = short.indexOf(name);
    const first = place < 0 ? [] : askShortWay(parameters, exportType, place);
    const locals = place < 0 ? 0 : 1;
    functions.push({ type: exportType, locals, code: [...first, ...TRAP_WHEN_OVER, ...forward(parameters, index)] });
    exports.push({ name, kind: "function", index: adapted.length + index });
  }
  exports.push({ name: ADAPTER_TRAP, kind: "function", index: 2 * adapted.length });
  return encodeModule({ types, imports, functions: [...functions, trap], exports });
}

function check(name: string, parameters: string): void {
  if (name === ADAPTER_TRAP || name === ADAPTER_OVER) {
    throw new PosternError("EINVALIDARGUMENT", `a function cannot be named ${name}: the adapter has that name itself`);
  }
  if (!SIGNATURE.test(parameters)) {
    throw new PosternError(
      "EINVALIDARGUMENT",
      `the parameters of ${name} are "${parameters}"; expected up to 100 i and I`,
    );
  }
}

/** Calls the short way and returns its answer, unless that is negative. */
function askShortWay(parameters: string, type: number, place: number): number[] {
  const answer = unsigned(parameters.length);
  const pushes = [...parameters].flatMap((_letter, index) => [Instruction.localGet, ...unsigned(index)]);
  const call = [Instruction.i32Const, ...signed(place), Instruction.callIndirect, ...unsigned(type), SHORT_WAY];
  const isAnswer = [Instruction.localTee, ...answer, Instruction.i32Const, 0, Instruction.i32GreaterOrEqualSigned];
  const give = [Instruction.if, NO_RESULT, Instruction.localGet, ...answer, Instruction.return, Instruction.end];
  return [...SHORT_WAY_OPEN, Instruction.if, NO_RESULT, ...pushes, ...call, ...isAnswer, ...give, Instruction.end];
}

const whole = (parameters: string): EncodedType[] => [...parameters].map((letter) => (letter === "I" ? "i64" : "i32"));

const split = (parameters: string): EncodedType[] =>
  [...parameters].flatMap((letter): EncodedType[] => (letter === "I" ? ["i32", "i32"] : ["i32"]));

/** Pushes each parameter, 64-bit ones as two halves, and calls the import. */
function forward(parameters: string, importIndex: number): number[] {
  const pushes = [...parameters].flatMap((letter, index) => {
    const get = [Instruction.localGet, ...unsigned(index)];
    if (letter === "i") return get;
    const low = [...get, Instruction.i32WrapI64];
    const high = [
      ...get,
      Instruction.i64Const,
      ...signed(32),
      Instruction.i64ShiftRightUnsigned,
      Instruction.i32WrapI64,
    ];
    return [...low, ...high];
  });
  return [...pushes, Instruction.call, ...unsigned(importIndex)];
}
