/** What the sub-commands print: words in two columns, or one JSON object. */
import type { CommandLine, OptionDeclaration } from "../declaration.js";
import { ExitStatus, Failure } from "../failure.js";
import { printable } from "../printable.js";

/** Shared by all sub-commands. */
export const JSON_OPTION: OptionDeclaration = { name: "json", description: "print one JSON object instead of words" };
/** Shared by those that measure. */
export const EXPECT_OPTION: OptionDeclaration = {
  name: "expect",
  value: "HEX",
  description: "the measurement it must have; without it nothing is verified",
};

export const EXIT_NOTE =
  "Exit status: 0 verified (or measured, where nothing was to be verified), 1 not verified, 2 when the\ncommand line is wrong or a file cannot be read.";

/** The values of options by name. */
export class Options {
  readonly #values = new Map<string, string[]>();

  constructor(line: CommandLine) {
    for (const { name, value } of line.options) this.#values.set(name, [...this.all(name), value ?? ""]);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The last value given. */
  get(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** A value that must be there. */
  required(name: string): string {
    const value = this.get(name);
    if (value === undefined) throw new Failure(`--${name} is missing`, "--help shows what is needed");
    return value;
  }

  /** Lower-case hex of exactly `bytes` bytes. */
  hex(name: string, bytes: number): string | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    if (value.length !== bytes * 2 || !/^[0-9a-f]+$/i.test(value)) {
      throw new Failure(`--${name}: "${value}" was given; expected ${bytes * 2} hex digits`);
    }
    return value.toLowerCase();
  }

  /** A whole number, decimal or 0x..., of at most `bits` bits. */
  number(name: string, bits: number): bigint | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    const number = /^(0x[0-9a-f]{1,16}|[0-9]{1,20})$/i.test(value) ? BigInt(value) : -1n;
    if (number < 0n || number >= 1n << BigInt(bits)) {
      throw new Failure(
        `--${name}: "${value}" was given; expected a whole number of at most ${bits} bits, such as 0x4`,
      );
    }
    return number;
  }

  count(name: string): number | undefined {
    const number = this.number(name, 31);
    return number === undefined ? undefined : Number(number);
  }
}

/** Outcome of a command. */
export interface Result {
  /** In words: label and value. Values may be hostile; they are made printable. */
  readonly lines: readonly (readonly [label: string, value: string | number | bigint])[];
  /** For `--json`; bigints become text `0x...`. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Absent where nothing was to be verified. */
  readonly verdict?: { readonly verified: boolean; readonly text: string };
}

/** Prints a result and gives the exit status. */
export function show(options: Options, { lines, fields, verdict }: Result): number {
  if (options.has("json")) {
    const all =
      verdict === undefined
        ? fields
        : { verified: verdict.verified, difference: verdict.verified ? null : verdict.text, ...fields };
    process.stdout.write(`${JSON.stringify(all, hexBigInts, 2)}\n`);
  } else {
    const width = Math.max(0, ...lines.map(([label]) => label.length));
    const text = lines.map(([label, value]) => `${label.padEnd(width)}  ${printable(String(value))}\n`).join("");
    const last =
      verdict === undefined ? "" : `${verdict.verified ? "verified" : "not verified"}: ${printable(verdict.text)}\n`;
    process.stdout.write(text + last);
  }
  return verdict === undefined || verdict.verified ? ExitStatus.success : ExitStatus.no;
}

function hexBigInts(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `0x${value.toString(16)}` : value;
}

/** Every field of an object as a line. */
export function linesOf(fields: object): (readonly [string, string | number])[] {
  return Object.entries(fields).map(([name, value]) => [name, typeof value === "number" ? value : String(value)]);
}

/** A measurement with the verdict on `--expect`, where that is given. */
export function verdictOn(options: Options, name: string, found: string): Pick<Result, "verdict"> {
  const expected = options.hex("expect", 32);
  if (expected === undefined) return {};
  const verified = expected === found;
  const text = verified ? `the ${name} is the expected one` : `the ${name} is ${found}, expected ${expected}`;
  return { verdict: { verified, text } };
}
