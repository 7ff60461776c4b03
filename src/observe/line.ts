/** One call as a line of text, as strace shows it, or as JSON; both derived from the call's description. */
import type { Plan } from "../sallyport/call.js";
import type { RequestView } from "../sallyport/request-view.js";
import { createByteWriter, encoded } from "./ascii.js";
import { JSON_LINES, type LineFormat, TEXT_LINES } from "./format.js";
import { LinePlan, Show, type ShownArgument } from "./plan.js";

/** Bytes shown of data; strace shows as many. */
const SHOWN_BYTES = 32;
/** Bytes shown of a path, which is of more interest. */
const SHOWN_PATH_BYTES = 4096;
const TIMESPEC_BYTES = 16;
const TWO_32 = 2 ** 32;
/** Memory for a line, to begin with. */
const LINE_BYTES = 1024;
const BETWEEN_NUMBERS = encoded(", ");
const UNKNOWN_RESULT = encoded("?\n");

const decoder = new TextDecoder();
/** A timespec as halves and as words. */
const halves = new Int32Array(TIMESPEC_BYTES / 4);
const halfBytes = new Uint8Array(halves.buffer);
const words = new BigInt64Array(halves.buffer);

/**
 * Writes the line of a request, its newline included, at a place in memory.
 * @returns the place behind it; where that lies beyond the end of the memory, so much room is needed
 */
export type LineWriter = (at: number, request: RequestView) => number;

/** Makes the writer of lines into one memory. */
export function createLineWriter(memory: Uint8Array, format: LineFormat): LineWriter {
  const { json, data, record, result, failures } = format;
  const { place, move, put, escaped, hexadecimal, decimal } = createByteWriter(memory, format.escapes);
  const plans = new Map<Plan, LinePlan>();

  function planOf(plan: Plan): LinePlan {
    const made = new LinePlan(format, plan);
    plans.set(plan, made);
    return made;
  }

  /** Bytes as a quoted text with escapes. */
  function quoted(bytes: Uint8Array, start: number, count: number, most: number): void {
    put(data.start);
    escaped(bytes, start, Math.min(count, most));
    put(count > most ? data.cut : data.end);
  }

  /** Bytes and how many there are. */
  function writeBytes(request: RequestView, index: number, shown: ShownArgument): void {
    const span = request.span(index);
    if (!shown.outgoing || request.result >= 0) {
      const seen = shown.limited ? Math.min(span.length, request.result) : span.length;
      quoted(span.memory, span.start, seen, SHOWN_BYTES);
      put(format.length.start);
    } else {
      put(shown.unknown);
      if (!json) return;
    }
    decimal(span.length);
    put(format.length.end);
  }

  function writePath(request: RequestView, index: number): void {
    const { memory, start, length } = request.span(index);
    if (!json) quoted(memory, start, length, SHOWN_PATH_BYTES);
    else put(encoded(JSON.stringify(decoder.decode(memory.subarray(start, start + length)))));
  }

  /** Seconds and nanoseconds, signed words. */
  function timespec(bytes: Uint8Array, start: number): void {
    for (let i = 0; i < TIMESPEC_BYTES; i++) halfBytes[i] = bytes[start + i]!;
    for (let i = 0; i < words.length; i++) {
      if (i > 0) put(BETWEEN_NUMBERS);
      const value = (halves[2 * i]! >>> 0) + halves[2 * i + 1]! * TWO_32;
      decimal(Number.isSafeInteger(value) ? value : words[i]!);
    }
  }

  /** Structures: a timespec as its two numbers, others as hexadecimal. */
  function writeRecord(request: RequestView, index: number, shown: ShownArgument): void {
    if (shown.outgoing && request.result < 0) {
      put(shown.unknown);
      return;
    }
    const { memory, start, length } = request.span(index);
    put(record.start);
    if (shown.size === TIMESPEC_BYTES && length === TIMESPEC_BYTES) timespec(memory, start);
    else hexadecimal(memory, start, Math.min(length, SHOWN_BYTES));
    put(length > SHOWN_BYTES ? record.cut : record.end);
  }

  function writeArgument(request: RequestView, index: number, shown: ShownArgument): void {
    const { show } = shown;
    if (show === Show.NUMBER) decimal(request.number(index));
    else if (show === Show.NAMED) put(shown.names.of(request.number(index)));
    else if (shown.optional && request.absent(index)) put(shown.absent);
    else if (show === Show.PATH) writePath(request, index);
    else if (show === Show.BYTES) writeBytes(request, index, shown);
    else writeRecord(request, index, shown);
  }

  /** What the call answered: a value, or an errno by its name. */
  function writeAnswer(request: RequestView): void {
    if (request.result < 0) {
      put(failures.of(-request.result));
    } else if (request.plan.final && !json) {
      put(UNKNOWN_RESULT);
    } else {
      put(result.start);
      decimal(request.result);
      put(result.end);
    }
  }

  return (at, request) => {
    move(at);
    const { shown, end } = plans.get(request.plan) ?? planOf(request.plan);
    for (let i = 0; i < shown.length; i++) {
      const each = shown[i]!;
      put(each.before);
      writeArgument(request, i, each);
    }
    put(end);
    writeAnswer(request);
    return place();
  };
}

/** The line of a request, its newline included, in memory of its own. */
export function wholeLine(request: RequestView, format: LineFormat): Uint8Array {
  for (let room = LINE_BYTES; ; ) {
    const memory = new Uint8Array(room);
    const end = createLineWriter(memory, format)(0, request);
    if (end <= room) return memory.subarray(0, end);
    room = end;
  }
}

/** A request as a line without a newline: `read(3, "hello", 4096) = 5`. */
export function callLine(request: RequestView): string {
  return decoder.decode(wholeLine(request, TEXT_LINES)).slice(0, -1);
}

/** A request as an object for JSON: name, arguments by name, result or errno. */
export function callRecord(request: RequestView): Record<string, unknown> {
  return JSON.parse(decoder.decode(wholeLine(request, JSON_LINES)));
}
