import { TABLE_ELEMENTS_MAX, tableElements } from "./limit-tables.js";
import type { ModuleInfo } from "./model.js";
import type { Problem } from "./problem.js";
import type { ValueType } from "./types.js";

/** Largest list of elements: each takes a byte or more here, and eight in the engine. */
const ELEMENT_BYTES_MAX = 8 * TABLE_ELEMENTS_MAX;

const isException = (type: ValueType): boolean => type.includes("exn");

/** Whether there are structures or arrays, or exceptions that can hold each other: as what a tag carries, or a table. */
function keepsObjects({ types, tables }: ModuleInfo): boolean {
  const held = types.some((type) => type === undefined || type.parameters.some(isException));
  return held || tables.some(({ element }) => isException(element));
}

/** What takes memory that is not the program's linear memory, so that no limit of that bounds it. */
export function objectProblems(info: ModuleInfo): Problem[] {
  const problems: Problem[] = [];
  if (keepsObjects(info)) {
    problems.push({
      code: "garbage-collection",
      message:
        "the program can keep any number of objects of the engine (WasmGC, exceptions inside of exceptions or in tables), and nothing limits their memory",
      advice: "build it for linear memory",
    });
  }
  const elements = tableElements(info);
  if (elements > TABLE_ELEMENTS_MAX) {
    problems.push({
      code: "tables",
      message: `the program's tables have ${elements} elements, at most ${TABLE_ELEMENTS_MAX} are supported`,
      advice: "build it with fewer",
    });
  }
  if (info.sizes.elements > ELEMENT_BYTES_MAX) {
    problems.push({
      code: "tables",
      message: `the program lists elements of tables in ${info.sizes.elements} bytes, at most ${ELEMENT_BYTES_MAX} are supported`,
      advice: "build it with fewer",
    });
  }
  return problems;
}
