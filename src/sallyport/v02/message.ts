/** What stands at the start of a block: a request on the way out, a reply on the way back, in the same 64 bytes. */
import { PosternError } from "../../errors.js";
import { MESSAGE_SIZE, REPLY_SIZE, REQUEST_ARGUMENTS, REQUEST_SIZE } from "./constants.js";
import { Register, type RegisterValue } from "./register.js";

/** Outcome of a call: two return values, or an errno (positive). */
export type Result = { readonly ok: readonly [Register, Register] } | { readonly err: number };

/** A call's number and its seven argument registers: number at byte 0, arguments at 8, 16, ... 56. */
export class Request {
  readonly num: Register;
  /** Always seven. The seventh exists on the wire and reaches no processor register. */
  readonly arg: readonly Register[];

  /** Missing arguments are zero, arguments after the seventh are dropped. */
  constructor(num: RegisterValue, arg: readonly RegisterValue[] = []) {
    this.num = Register.from(num);
    this.arg = Array.from({ length: REQUEST_ARGUMENTS }, (_, index) => Register.from(arg[index] ?? 0));
  }

  /** The 64 bytes of the request. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(REQUEST_SIZE);
    new Message(bytes).writeRequest(this);
    return bytes;
  }
}

/** Builds a request, for example `request(1, fd, address, count)` for write(2). */
export function request(num: RegisterValue, ...arg: readonly RegisterValue[]): Request {
  return new Request(num, arg);
}

/** The host's answer: two return values at bytes 0 and 8, and an error word at 16 that is zero on x86-64. */
export class Reply {
  readonly ret: readonly [Register, Register];
  readonly err: Register;

  constructor(ret: readonly [RegisterValue, RegisterValue], err: RegisterValue = 0) {
    this.ret = [Register.from(ret[0]), Register.from(ret[1])];
    this.err = Register.from(err);
  }

  /**
   * A success gives both values; an errno its negative in the first value and zero in the second.
   * @throws PosternError EINVALIDARGUMENT where the errno is not a 32-bit integer
   */
  static fromResult(result: Result): Reply {
    if ("ok" in result) return new Reply(result.ok);
    if (!Number.isInteger(result.err) || (result.err | 0) !== result.err) {
      throw new PosternError("EINVALIDARGUMENT", `An errno is a 32-bit integer; ${result.err} is not.`);
    }
    return new Reply([-result.err | 0, 0]);
  }

  /**
   * An error is -4095 to -1 in the first value; -4096 is a success. (The current generation draws the line elsewhere.)
   */
  toResult(): Result {
    const { low, high } = this.ret[0];
    const failed = high === 0xffff_ffff && low > 0xffff_f000;
    return failed ? { err: -(low | 0) } : { ok: this.ret };
  }

  /** The 24 bytes of the reply. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(MESSAGE_SIZE);
    new Message(bytes).writeReply(this);
    return bytes.slice(0, REPLY_SIZE);
  }

  /**
   * Reads a reply from its 24 bytes.
   * @throws PosternError EINVALIDARGUMENT where there are fewer
   */
  static fromBytes(bytes: Uint8Array): Reply {
    if (bytes.length < REPLY_SIZE) {
      throw new PosternError("EINVALIDARGUMENT", `A reply has ${REPLY_SIZE} bytes; there are ${bytes.length}.`);
    }
    return readReply(viewOf(bytes));
  }
}

/** The union of {@link Request} and {@link Reply} over memory that may be shared. Every read makes a private copy. */
export class Message {
  readonly #view: DataView;

  /** @throws PosternError EINVALIDARGUMENT where `bytes` is shorter than 64 */
  constructor(bytes: Uint8Array) {
    if (bytes.length < MESSAGE_SIZE) {
      throw new PosternError("EINVALIDARGUMENT", `A message has ${MESSAGE_SIZE} bytes; there are ${bytes.length}.`);
    }
    this.#view = viewOf(bytes);
  }

  /** Overwrites all 64 bytes. */
  writeRequest(message: Request): void {
    message.num.write(this.#view, 0);
    message.arg.forEach((each, index) => {
      each.write(this.#view, 8 + 8 * index);
    });
  }

  /** Overwrites the first 24 bytes: number, first and second argument of the request are gone, the others stay. */
  writeReply(message: Reply): void {
    message.ret[0].write(this.#view, 0);
    message.ret[1].write(this.#view, 8);
    message.err.write(this.#view, 16);
  }

  readRequest(): Request {
    const words = Array.from({ length: 1 + REQUEST_ARGUMENTS }, (_, index) => Register.read(this.#view, 8 * index));
    return new Request(words[0]!, words.slice(1));
  }

  readReply(): Reply {
    return readReply(this.#view);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readReply(view: DataView): Reply {
  return new Reply([Register.read(view, 0), Register.read(view, 8)], Register.read(view, 16));
}
