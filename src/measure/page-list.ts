/** The JSON form of a page list, as `postern measure pages` reads it. The format is described in docs/measure.md. */
import { integerOf, unsigned } from "./bytes.js";
import { MeasureError } from "./error.js";
import { elementPlaces } from "./json-places.js";
import type { MeasuredChunks, Page, PageList } from "./pages.js";
import { PAGE_SIZE } from "./stream.js";

/** Most pages of one JSON page list. */
export const LISTED_PAGES_MAX = 1 << 18;

/** Where a field of a TCS lies: offset and bytes. Intel SDM volume 3D, "Thread Control Structure". */
const TCS_FIELDS: Readonly<Record<string, { at: number; bytes: 4 | 8; preset: bigint }>> = {
  state: { at: 0, bytes: 8, preset: 0n },
  flags: { at: 8, bytes: 8, preset: 0n },
  ossa: { at: 16, bytes: 8, preset: 0n },
  cssa: { at: 24, bytes: 4, preset: 0n },
  nssa: { at: 28, bytes: 4, preset: 0n },
  oentry: { at: 32, bytes: 8, preset: 0n },
  aep: { at: 40, bytes: 8, preset: 0n },
  ofsbase: { at: 48, bytes: 8, preset: 0n },
  ogsbase: { at: 56, bytes: 8, preset: 0n },
  fslimit: { at: 64, bytes: 4, preset: 0xffff_ffffn },
  gslimit: { at: 68, bytes: 4, preset: 0xffff_ffffn },
};

type Fields = Readonly<Record<string, unknown>>;

/**
 * A TCS page from its named fields; absent ones are 0, `fslimit` and `gslimit` 0xffffffff.
 * @returns 4096 bytes
 * @throws MeasureError `field`
 */
export function buildTcs(fields: Fields): Buffer {
  for (const name of Object.keys(fields)) {
    if (!Object.hasOwn(TCS_FIELDS, name))
      throw new MeasureError("field", `"${name.slice(0, 40)}" is not a field of a TCS`);
  }
  const page = Buffer.alloc(PAGE_SIZE);
  for (const [name, { at, bytes, preset }] of Object.entries(TCS_FIELDS)) {
    const value = fields[name] === undefined ? preset : unsigned(fields[name], bytes * 8, `tcs.${name}`);
    if (bytes === 8) page.writeBigUInt64LE(value, at);
    else page.writeUInt32LE(Number(value), at);
  }
  return page;
}

/** Each form of `data`: what the key holds, as the bytes of the page. */
const DATA_FORMS: Readonly<Record<string, (value: unknown) => Uint8Array>> = {
  fill: (value) => Buffer.alloc(PAGE_SIZE, hex(value, "fill", 1, 1)),
  hex: (value) => hex(value, "hex", 0, PAGE_SIZE),
  base64: (value) => base64(value),
  pattern: (value) => pattern(Number(unsigned(value, 32, "pattern"))),
  tcs: (value) => buildTcs(record(value, "tcs")),
  sparse: (value) => sparse(record(value, "sparse")),
};

/**
 * The bytes of a page from its JSON description.
 * @throws MeasureError `field`, `page-data`
 */
export function pageData(description: unknown): Uint8Array {
  const entries = Object.entries(record(description, "data"));
  const form =
    entries.length === 1 && Object.hasOwn(DATA_FORMS, entries[0]![0]) ? DATA_FORMS[entries[0]![0]] : undefined;
  if (form === undefined) {
    throw new MeasureError("field", `data must have exactly one of: ${Object.keys(DATA_FORMS).join(", ")}`);
  }
  return form(entries[0]![1]);
}

/**
 * A page list from parsed JSON: `{ size, ssaframesize, pages: [{ offset, flags, measure?, data? }] }`. Contents are built one page
 * at a time while the list is measured; what is wrong with a page is therefore found then.
 * @throws MeasureError `field`, `limit`, `size`
 */
export function parsePageList(value: unknown): PageList {
  return listOf(value, []);
}

function listOf(value: unknown, places: readonly number[]): PageList {
  const list = record(value, "the page list");
  const size = integerOf(list.size);
  if (size === undefined) throw new MeasureError("size", "size must be a number or a string 0x...");
  const ssaframesize = integerOf(list.ssaframesize);
  if (ssaframesize === undefined) throw new MeasureError("ssaframesize", "ssaframesize must be a number");
  const { pages } = list;
  if (!Array.isArray(pages)) throw new MeasureError("field", "pages must be a list");
  if (pages.length > LISTED_PAGES_MAX)
    throw new MeasureError("limit", `more than ${LISTED_PAGES_MAX} pages are listed`);
  return { size, ssaframesize: Number(ssaframesize), pages: each(pages, places) };
}

/**
 * A page list from JSON text.
 * What is wrong with a page is told with the byte at which its description starts.
 * @throws MeasureError `field` where the text is no JSON; otherwise as {@link parsePageList}
 */
export function parsePageListText(text: string): PageList {
  const value = parseJson(text, "the page list");
  return listOf(value, elementPlaces(Buffer.from(text), "pages"));
}

/**
 * A value from JSON text.
 * @param name of the text, for the message
 * @throws MeasureError `field`, with the byte offset where node tells a position
 */
export function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/\p{Cc}/gu, " ").slice(0, 120) : "";
    const position = /end of JSON/.test(reason) ? text.length : /position (\d+)/.exec(reason)?.[1];
    const place = position === undefined ? {} : { offset: Buffer.byteLength(text.slice(0, Number(position))) };
    throw new MeasureError("field", `${name} is not JSON: ${reason}`, { cause: error, ...place });
  }
}

function* each(pages: readonly unknown[], places: readonly number[]): Generator<Page> {
  for (const [index, value] of pages.entries()) yield pageOf(value, index, places[index]);
}

function pageOf(value: unknown, index: number, describedAt: number | undefined): Page {
  try {
    const page = record(value, "it");
    return {
      offset: unsigned(page.offset, 64, "its offset"),
      flags: unsigned(page.flags, 64, "its flags"),
      measure: measured(page.measure),
      ...(page.data === undefined ? {} : { data: pageData(page.data) }),
      ...(describedAt === undefined ? {} : { describedAt }),
    };
  } catch (error) {
    if (!(error instanceof MeasureError)) throw error;
    const place = describedAt === undefined ? {} : { offset: describedAt };
    throw new MeasureError(error.reason, `page ${index}: ${error.message}`, { cause: error, ...place });
  }
}

function measured(value: unknown): MeasuredChunks {
  if (value === undefined || value === "all") return "all";
  if (value === "none") return "none";
  if (Array.isArray(value)) return value;
  throw new MeasureError("field", 'its measure must be "all", "none" or a list of chunks');
}

function record(value: unknown, name: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new MeasureError("field", `${name} must be an object`);
  }
  return value as Fields;
}

function hex(value: unknown, name: string, bytesMin: number, bytesMax: number): Buffer {
  if (typeof value !== "string" || value.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(value)) {
    throw new MeasureError("field", `${name} must be pairs of hex digits`);
  }
  const bytes = value.length / 2;
  if (bytes > bytesMax)
    throw new MeasureError("page-data", `${name} has ${bytes} bytes, at most ${bytesMax} are possible`);
  if (bytes < bytesMin) throw new MeasureError("field", `${name} must have at least ${bytesMin} bytes`);
  return Buffer.from(value, "hex");
}

function base64(value: unknown): Buffer {
  if (typeof value !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(value) || value.length % 4 !== 0) {
    throw new MeasureError("field", "base64 must be base64 text with its padding");
  }
  const bytes = Buffer.from(value, "base64");
  if (bytes.length > PAGE_SIZE) throw new MeasureError("page-data", "base64 has more than 4096 bytes");
  return bytes;
}

function pattern(seed: number): Buffer {
  const page = Buffer.alloc(PAGE_SIZE);
  for (let index = 0; index < PAGE_SIZE; index++) page[index] = (seed + 31 * index + 7 * (index >> 8)) & 255;
  return page;
}

function sparse(pieces: Fields): Buffer {
  const page = Buffer.alloc(PAGE_SIZE);
  for (const [key, value] of Object.entries(pieces)) {
    const at = Number(unsigned(key, 12, "an offset in sparse"));
    page.set(hex(value, `sparse at ${at}`, 0, PAGE_SIZE - at), at);
  }
  return page;
}
