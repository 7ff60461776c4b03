/**
 * The limit on tables. They lie in the engine's own memory, 28 bytes an element, where a program that takes too much ends
 * the whole process.
 */
import { Cursor } from "./cursor.js";
import { encodedLimits, replaceSection } from "./encode.js";
import type { ModuleInfo } from "./model.js";
import { Output } from "./output.js";
import type { DefinedTable } from "./types.js";

/** Most elements of all tables of a program together. The largest programs known, of 75 MB, need a tenth. */
export const TABLE_ELEMENTS_MAX = 2 ** 20;

const TABLE_SECTION = 4;

/** Elements that the tables a module defines have at first, all together. */
export const tableElements = ({ tables }: ModuleInfo): number => tables.reduce((sum, { minimum }) => sum + minimum, 0);

/**
 * Makes sure that the tables a module defines cannot grow above the limit together, by rewriting their maxima: the engine
 * then lets `table.grow` fail. What the minima leave is shared out evenly.
 *
 * @param bytes the module, the same as what was read up to its table section
 * @param info what `readModule` says about it; its minima are within the limit
 * @returns `bytes` where the maxima are low enough already, else a changed copy
 */
export function limitTables(bytes: Uint8Array, info: ModuleInfo): Uint8Array {
  const { tables, tableSection } = info;
  if (tableSection === undefined || tables.length === 0) return bytes;
  const share = Math.max(0, Math.floor((TABLE_ELEMENTS_MAX - tableElements(info)) / tables.length));
  const isLow = ({ minimum, maximum }: DefinedTable) => maximum !== undefined && maximum <= minimum + share;
  if (tables.every(isLow)) return bytes;

  const cursor = new Cursor(bytes, tableSection.start + 1, tableSection.end);
  cursor.u32("the size of the table section");
  const contents = new Output();
  let done = cursor.position;
  for (const table of tables) {
    const { minimum, maximum = Number.POSITIVE_INFINITY, shared, is64, limits } = table;
    contents.add(bytes.subarray(done, limits.start));
    contents.add(encodedLimits({ minimum, maximum: Math.min(maximum, minimum + share), shared, is64 }));
    done = limits.end;
  }
  contents.add(bytes.subarray(done, tableSection.end));
  return replaceSection(bytes, tableSection, TABLE_SECTION, contents.bytes);
}
