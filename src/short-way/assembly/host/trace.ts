/**
 * The lines of a trace for calls that move bytes: `read(3, "hello", 4096) = 5`. What is written is what `observe/line.ts`
 * writes; its escapes and the names of the calls lie in memory. All other lines are written there.
 */
import {
  CALL_NAME_BYTES,
  ESCAPE_BYTES,
  ESCAPE_LENGTH_SHIFT,
  TRACE_BUFFER,
  TRACE_ESCAPES,
  TRACE_NAMES,
  TRACE_SHOWN_BYTES,
  TRACE_WRITTEN_BYTES,
} from "../../layout.js";
import { argument, DATA, NULL } from "./core.js";

/** Where the trace lies in this memory; 0: the calls are not traced. It begins with the number of bytes that wait. */
declare const TRACE: i32;
/** Writes the line of the call in the block, in JavaScript. */
declare function traceOther(): void;
/** Writes out what waits. */
declare function flushTrace(): void;
/** Bytes of the program's memory. */
declare function peek(at: u32): u32;
declare function peekWord(at: u32): u64;

/** Two letters in one number, the first one lowest. */
const COMMA = 0x202c; // ", "
const QUOTE = 0x22;
const DOTS = 0x2e2e2e; // "..."
const END = 0x203d2029; // ") = "
const NEWLINE = 0x0a;
const MINUS = 0x2d;
const ZERO = 0x30;
/** Set in a plan of calls whose line is written here: which name they have, from bit 26 on. */
const NAME_SHIFT = 26;
const WORD_BYTES: usize = 8;
const SMALL_MAX: u64 = 0xffffffff;
const BILLION: u64 = 1_000_000_000;
const BILLION_DIGITS: usize = 9;
const SHOWN_BYTES: u64 = TRACE_SHOWN_BYTES;

/** Where the next byte goes. */
let at: usize = 0;

function put(text: u32, bytes: usize): void {
  store<u32>(at, text);
  at += bytes;
}

/** Writes the last digits of a number. In 32 bits, where dividing by ten is a multiplication to the engine. */
function lastDigits(value: u32, digits: usize): void {
  let left = value;
  for (let place = at + digits - 1; place >= at; place--) {
    const rest = left / 10;
    store<u8>(place, ZERO + left - rest * 10);
    left = rest;
  }
  at += digits;
}

function decimal(value: u64): void {
  if (value > SMALL_MAX) {
    decimal(value / BILLION);
    lastDigits(<u32>(value % BILLION), BILLION_DIGITS);
    return;
  }
  let digits: usize = 1;
  for (let left = <u32>value; left > 9; left /= 10) digits++;
  lastDigits(<u32>value, digits);
}

function signed(value: i64): void {
  if (value < 0) put(MINUS, 1);
  decimal(value < 0 ? -value : value);
}

function escaped(byte: usize): void {
  const written = load<u64>(TRACE + TRACE_ESCAPES + byte * ESCAPE_BYTES);
  store<u32>(at, <u32>written);
  at += <usize>(written >> ESCAPE_LENGTH_SHIFT);
}

/** Data as a quoted text: of the block, or of the program's memory. */
function quoted(reference: u64, count: u64): void {
  const shown = <u32>(count < SHOWN_BYTES ? count : SHOWN_BYTES);
  const windowed = reference >> 32 === 1;
  const start = <u32>reference;
  const whole: u32 = windowed ? shown & ~7 : 0;
  put(QUOTE, 1);
  for (let i: u32 = 0; i < whole; i += <u32>WORD_BYTES) {
    let bytes = peekWord(start + i);
    for (let j: usize = 0; j < WORD_BYTES; j++) {
      escaped(<usize>(bytes & 0xff));
      bytes >>= 8;
    }
  }
  for (let i = whole; i < shown; i++) escaped(windowed ? peek(start + i) : load<u8>(DATA + start + i));
  put(QUOTE, 1);
  if (count > SHOWN_BYTES) put(DOTS, 3);
}

/**
 * Writes the line of the call in the block, which was carried out.
 * @param outgoing the call fills its buffer: what it answered is how much of that is known
 */
export function traceLine(plan: u32, result: i64, outgoing: bool): void {
  const name = plan >> NAME_SHIFT;
  if (name === 0 || result < 0) {
    traceOther();
    return;
  }
  at = TRACE + TRACE_BUFFER + load<u32>(TRACE);
  const text: usize = TRACE + TRACE_NAMES + name * CALL_NAME_BYTES;
  // In front of the name stands its length.
  const nameBytes: usize = load<u8>(text);
  store<u64>(at, load<u64>(text + 1));
  store<u64>(at + WORD_BYTES, load<u64>(text + 1 + WORD_BYTES));
  at += nameBytes;
  const reference = argument(1);
  const length = argument(2);
  const position = argument(3);
  signed(<i32>argument(0));
  put(COMMA, 2);
  quoted(reference, outgoing && <u64>result < length ? result : length);
  put(COMMA, 2);
  decimal(length);
  if (position !== NULL) {
    put(COMMA, 2);
    signed(position);
  }
  put(END, 4);
  decimal(result);
  put(NEWLINE, 1);
  const waiting = <u32>(at - TRACE - TRACE_BUFFER);
  store<u32>(TRACE, waiting);
  if (waiting >= <u32>TRACE_WRITTEN_BYTES || load<u32>(TRACE + 4) !== 0) flushTrace();
}

export function isTraced(): bool {
  return TRACE !== 0;
}
