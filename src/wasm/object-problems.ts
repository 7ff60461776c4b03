import { TABLE_ELEMENTS_MAX } from "./limit-tables.js";
import type { ModuleInfo } from "./model.js";
import type { Problem } from "./problem.js";

/** Largest list of elements: each takes a byte or more here, and eight in the engine. */
const ELEMENT_BYTES_MAX = 8 * TABLE_ELEMENTS_MAX;

/** What takes memory that is not the program's linear memory, so that no limit of that bounds it. */
export function objectProblems(info: ModuleInfo): Problem[] {
  const problems: Problem[] = [];
  if (info.types.includes(undefined)) {
    problems.push({
      code: "garbage-collection",
      message: "the program makes objects that the engine has to keep (WasmGC), and nothing limits their memory",
      advice: "build it for linear memory",
    });
  }
  const elements = info.tables.reduce((sum, { minimum }) => sum + minimum, 0);
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
