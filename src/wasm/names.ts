import { PosternError } from "../errors.js";
import { Cursor } from "./cursor.js";

/** Names for people, from a module's name section. They say nothing about what the module may do. */
export interface ModuleNames {
  /** Name of the module itself. */
  readonly module: string | undefined;
  /** How many functions have a name. */
  readonly functionCount: number;
  /** False when the section is damaged: what stands before the damage is there. */
  readonly complete: boolean;
  /** Name of a function by its index, where imported functions come first. */
  functionName(index: number): string | undefined;
}

const MODULE_NAME = 0;
const FUNCTION_NAMES = 1;
const NAMES_MAX = 2_000_000;

/** What a module without a name section offers. */
export const noNames: ModuleNames = {
  module: undefined,
  functionCount: 0,
  complete: true,
  functionName: () => undefined,
};

interface DecodedNames {
  module: string | undefined;
  functions: Map<number, string>;
  complete: boolean;
}

/**
 * Names that are decoded when somebody asks for one: most runs never do, and a large program has 100,000 of them.
 *
 * @param bytes the module
 * @param start offset of the contents of the name section
 * @param end offset behind it
 */
export function lazyNames(bytes: Uint8Array, start: number, end: number): ModuleNames {
  let decoded: DecodedNames | undefined;
  const names = () => {
    decoded ??= decodeNames(new Cursor(bytes, start, end));
    return decoded;
  };
  return {
    get module() {
      return names().module;
    },
    get functionCount() {
      return names().functions.size;
    },
    get complete() {
      return names().complete;
    },
    functionName: (index) => names().functions.get(index),
  };
}

/** Core specification, appendix "Name Section". A damaged section is no reason to refuse a program that runs. */
function decodeNames(cursor: Cursor): DecodedNames {
  const names: DecodedNames = { module: undefined, functions: new Map(), complete: true };
  try {
    while (!cursor.atEnd) {
      const subsection = cursor.u8("a subsection of names");
      const size = cursor.u32("the size of a subsection of names");
      const start = cursor.position;
      cursor.skip(size, "a subsection of names");
      const contents = new Cursor(cursor.bytes, start, cursor.position);
      if (subsection === MODULE_NAME) names.module = contents.name("the name of the module");
      if (subsection === FUNCTION_NAMES) decodeFunctionNames(contents, names.functions);
    }
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    names.complete = false;
  }
  return names;
}

function decodeFunctionNames(cursor: Cursor, functions: Map<number, string>): void {
  // The subsection may come more than once; the limit is for all of them together.
  const count = cursor.count("function names", NAMES_MAX - functions.size, 2);
  for (let entry = 0; entry < count; entry++) {
    const index = cursor.u32("a function index");
    functions.set(index, cursor.name("a function name"));
  }
}
