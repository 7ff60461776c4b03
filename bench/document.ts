/** Puts tables into a document, between marks that say which. */

const mark = (name: string): string => `<!-- figures: ${name} -->`;
const END = "<!-- end of figures -->";

/**
 * Replaces what stands between the marks of a name.
 * @throws Error when the document has no such marks
 */
export function replaceFigures(document: string, name: string, text: string): string {
  const start = document.indexOf(mark(name));
  const end = document.indexOf(END, start);
  if (start < 0 || end < 0) throw new Error(`the document has no place for the figures of ${name}: ${mark(name)}`);
  return `${document.slice(0, start + mark(name).length)}\n\n${text}\n\n${document.slice(end)}`;
}
