import { PosternError } from "../errors.js";
import { type EncodedFunctionType, type EncodedType, encodeModule, Instruction, signed, unsigned } from "./encode.js";

/** Module name under which the adapter imports its functions. */
export const ADAPTER_IMPORTS = "env";

/** Name of the function the adapter adds, which traps. */
export const ADAPTER_TRAP = "trap";

const SIGNATURE = /^[iI]{0,100}$/;

/**
 * Builds a module that stands between a program and JavaScript functions with 64-bit parameters.
 *
 * V8 hands an i64 to JavaScript as a BigInt, which costs 30 to 50 ns a call. The adapter splits it in WebAssembly: for
 * each function with an `I` it imports `env.<name>`, where every `I` is two i32 (the low half first, both signed as
 * JavaScript sees them), and exports `<name>` with the original parameters. Results are one i32. Functions without an
 * `I` are not in the module: a program gets them directly.
 *
 * The module also exports `trap`, which executes `unreachable`. A trap cannot be caught by a program; an exception
 * thrown by JavaScript can (`catch_all`).
 *
 * @param signatures function name to parameters, `i` for i32 and `I` for i64
 * @returns bytes of the module
 * @throws PosternError EINVALIDARGUMENT for a parameter other than `i` and `I`, and for a function named `trap`
 */
export function adapterModule(signatures: Readonly<Record<string, string>>): Uint8Array {
  const adapted = Object.entries(signatures).filter(([name, parameters]) => checked(name, parameters).includes("I"));
  const types: EncodedFunctionType[] = [{ parameters: [], results: [] }];
  const imports = [];
  const functions = [];
  const exports = [];
  const trap = { type: 0, code: [Instruction.unreachable] };

  for (const [index, [name, parameters]] of adapted.entries()) {
    const importType = types.push({ parameters: split(parameters), results: ["i32"] }) - 1;
    const exportType = types.push({ parameters: whole(parameters), results: ["i32"] }) - 1;
    imports.push({ module: ADAPTER_IMPORTS, name, kind: "function" as const, type: importType });
    functions.push({ type: exportType, code: forward(parameters, index) });
    exports.push({ name, kind: "function" as const, index: adapted.length + index });
  }
  exports.push({ name: ADAPTER_TRAP, kind: "function" as const, index: 2 * adapted.length });
  return encodeModule({ types, imports, functions: [...functions, trap], exports });
}

function checked(name: string, parameters: string): string {
  if (name === ADAPTER_TRAP) {
    throw new PosternError("EINVALIDARGUMENT", `a function cannot be named ${ADAPTER_TRAP}: the adapter exports one`);
  }
  if (!SIGNATURE.test(parameters)) {
    throw new PosternError(
      "EINVALIDARGUMENT",
      `the parameters of ${name} are "${parameters}"; expected up to 100 i and I`,
    );
  }
  return parameters;
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
