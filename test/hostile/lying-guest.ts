/**
 * A lying guest against the host. Blocks in which every header, number, argument, offset and length may be wrong, items
 * overlap and end nowhere, in both modes, over a table with a few harmless descriptors.
 *
 * Properties: never a crash; a malformed block is EBADBLOCK and nothing else; never a byte changed outside of the data
 * sections and return words of the calls; nothing outside of the granted directory is touched, nor a file that was
 * granted for reading, nor a descriptor of the process that is not in the table; afterwards the process has the
 * descriptors it had before.
 */
import assert from "node:assert/strict";
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as host from "postern/host";
import { Block } from "postern/sallyport";
import { PosternError } from "#src/errors.js";
import { addressOf, LINUX, SYS, syscall2, syscall3, syscall4 } from "#src/kernel/index.js";
import { Right } from "#src/sallyport/call.js";
import { generate, type ItemCase, type LyingGuestCase, simpler } from "./lying-guest-case.js";
import { Random } from "./random.js";
import type { Side } from "./side.js";

export type CreateHost = typeof host.createHost;

const { READ, WRITE, CHANGE, LOOKUP } = Right;
const GUARD = 64;
const DESCRIPTORS_MAX = 16;
const OUTPUT_BYTES_MAX = 65536;
const KEPT = "nobody changes this";
const O_NONBLOCK = 0x800;
const HEADER_BYTES = 16;
const PAYLOAD_BYTES: Readonly<Record<string, number>> = { 1: 72, 2: 48, 3: 48 };
/** The word of the return value stands behind number and arguments: six of a system call, four of the others. */
const RETURN_AT: Readonly<Record<string, number>> = { 1: 56, 2: 40, 3: 40 };

/** Whether a timespec is over at once, or refused by the kernel. */
function isShort(bytes: Uint8Array): boolean {
  if (bytes.length < 16) return true;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const seconds = view.getBigInt64(0, true);
  const nanoseconds = view.getBigInt64(8, true);
  return (
    seconds < 0n || nanoseconds < 0n || nanoseconds >= 1_000_000_000n || (seconds === 0n && nanoseconds < 100_000n)
  );
}

/** Refuses calls that would wait for ever, as they may, and those that would make later ones wait. */
const WAITING: Readonly<Record<string, (request: host.Request) => boolean>> = {
  nanosleep: (request) => !isShort(request.bytes(0)),
  poll: (request) => request.number(1) < 0 || request.number(1) > 1,
  ppoll: (request) => request.absent(1) || !isShort(request.bytes(1)),
  epoll_wait: (request) => request.number(2) < 0 || request.number(2) > 1,
  epoll_pwait: (request) => request.number(2) < 0 || request.number(2) > 1,
  eventfd2: (request) => (request.number(1) & O_NONBLOCK) === 0,
  pipe2: (request) => (request.number(1) & O_NONBLOCK) === 0,
  fcntl: (request) => request.number(1) === 4 && (request.number(2) & O_NONBLOCK) === 0,
  ioctl: (request) => request.number(1) === 0x5421,
};

/** Names of the calls that may wait; where a block changes while it is executed they are refused altogether. */
export const WAITING_CALLS = Object.keys(WAITING);

/** A directory to play in, and around it what nobody may touch. */
export class Playground {
  readonly root = mkdtempSync(join(tmpdir(), "postern-hostile-"));
  readonly #inside = join(this.root, "inside");
  readonly #outside = join(this.root, "outside");
  readonly #canary: number;
  readonly #canaryStatus;
  readonly #openBefore: string;
  #cases = 0;

  constructor() {
    writeFileSync(this.#outside, KEPT);
    writeFileSync(join(this.root, "read-only"), KEPT);
    this.#canary = openSync(this.#outside, "r+");
    readSync(this.#canary, new Uint8Array(7), 0, 7, null);
    this.#canaryStatus = fstatSync(this.#canary, { bigint: true });
    this.#openBefore = this.#open();
    this.#refill();
  }

  #refill(): void {
    rmSync(this.#inside, { recursive: true, force: true });
    mkdirSync(join(this.#inside, "d"), { recursive: true });
    writeFileSync(join(this.#inside, "f"), "contents of f");
    symlinkSync("../outside", join(this.#inside, "link"));
  }

  #open(): string {
    return readdirSync("/proc/self/fd").join(" ");
  }

  /** A table: nothing, a file, a file for reading, a directory, one for reading, an eventfd, a socket, a null device. */
  grant(): host.DescriptorTable {
    if (++this.#cases % 64 === 0) this.#refill();
    const table = new host.DescriptorTable(host.descriptorRows(DESCRIPTORS_MAX));
    const directory = constants.O_RDONLY | constants.O_DIRECTORY;
    const file = openSync(join(this.#inside, "granted"), constants.O_RDWR | constants.O_CREAT, 0o600);
    table.set(1, file, READ | WRITE | CHANGE, true);
    table.set(2, openSync(join(this.root, "read-only"), "r+"), READ, true);
    table.set(3, openSync(this.#inside, directory), READ | WRITE | CHANGE | LOOKUP, true);
    table.set(4, openSync(this.#inside, directory), READ | LOOKUP, true);
    table.set(5, syscall2(SYS.eventfd2, 1, O_NONBLOCK | LINUX.O_CLOEXEC), READ | WRITE, true);
    const pair = new Int32Array(2);
    syscall4(SYS.socketpair, 1, 1 | O_NONBLOCK | LINUX.O_CLOEXEC, 0, addressOf(pair));
    table.set(6, pair[0]!, READ | WRITE, true);
    table.set(7, pair[1]!, READ | WRITE, true);
    table.set(8, openSync("/dev/null", "r+"), READ | WRITE, true);
    return table;
  }

  /** Checks what nobody may touch. */
  check(): void {
    assert.equal(this.#open(), this.#openBefore, "the process has other descriptors than before");
    assert.equal(syscall3(SYS.lseek, this.#canary, 0, 1), 7, "a descriptor outside of the table was moved");
    const status = fstatSync(this.#canary, { bigint: true });
    for (const field of ["size", "mtimeNs", "ctimeNs", "mode", "nlink"] as const) {
      assert.equal(status[field], this.#canaryStatus[field], `${field} of a file outside changed`);
    }
    assert.equal(readFileSync(join(this.root, "read-only"), "utf8"), KEPT, "a file granted for reading changed");
    assert.deepEqual(readdirSync(this.root).sort(), ["inside", "outside", "read-only"]);
  }

  close(): void {
    closeSync(this.#canary);
    rmSync(this.root, { recursive: true, force: true });
  }
}

function putItem(view: DataView, bytes: Uint8Array, start: number, each: ItemCase): number {
  const size = 72 + each.dataBytes;
  const words = [each.size ?? BigInt(size), each.kind, each.number, ...each.args];
  words.forEach((word, index) => {
    if (start + 8 * index + 8 <= bytes.length) view.setBigUint64(start + 8 * index, word, true);
  });
  const data = start + HEADER_BYTES + 72;
  if (data < bytes.length) {
    const section = bytes.subarray(data, data + each.dataBytes);
    new Random(each.seed).fill(section);
    const text = Buffer.from(`${each.text}\0`);
    section.set(text.subarray(0, section.length));
  }
  return start + HEADER_BYTES + size;
}

/** Writes a case into a block. */
export function fill(block: Block, attempt: LyingGuestCase): void {
  const { bytes } = block;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  bytes.fill(0);
  let at = 0;
  for (const each of attempt.items) if (at < bytes.length) at = putItem(view, bytes, at, each);
  for (const { at: word, word: value } of attempt.trash) {
    if (8 * word + 8 <= bytes.length) view.setBigUint64(8 * word, value, true);
  }
}

/** What the rules say of a block: where bytes may change, and where it is malformed, and whether the original says so. */
function walk(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const allowed: [start: number, end: number][] = [];
  let at = 0;
  const verdict = (malformed: number | null, overrun = false) => ({ allowed, malformed, overrun });
  while (bytes.length - at >= HEADER_BYTES) {
    const size = view.getBigUint64(at, true);
    const kind = view.getBigUint64(at + 8, true);
    const left = BigInt(bytes.length - at - HEADER_BYTES);
    if (size % 8n !== 0n) return verdict(at);
    if (kind === 0n) return verdict(size === 0n ? null : at);
    if (size > left) return verdict(at, true);
    const payload = PAYLOAD_BYTES[String(kind)] ?? 0;
    if (size < BigInt(payload)) return verdict(at);
    const start = at + HEADER_BYTES;
    const result = RETURN_AT[String(kind)];
    if (result !== undefined) {
      allowed.push([start + result, start + result + 8], [start + payload, start + Number(size)]);
    }
    at = start + Number(size);
  }
  return verdict(null);
}

/** Executes a block. @returns the error it ended with, which can only be EBADBLOCK */
export function execute(executor: host.Host): PosternError | null {
  try {
    executor.execute();
    return null;
  } catch (error) {
    assert.ok(error instanceof PosternError && error.code === "EBADBLOCK", String((error as Error)?.stack ?? error));
    return error;
  } finally {
    executor.close();
  }
}

/** The side. @param createHost another host, to see that it is caught */
export function lyingGuest(createHost: CreateHost = host.createHost): Side<LyingGuestCase> & { close(): void } {
  const playground = new Playground();

  function run(attempt: LyingGuestCase): void {
    const { compatible, words } = attempt;
    const memory = new Uint8Array(2 * GUARD + 8 * words).fill(0xa5);
    const block = new Block(memory.buffer, GUARD, 8 * words);
    fill(block, attempt);
    const before = memory.slice();
    const rules = walk(before.subarray(GUARD, GUARD + 8 * words));
    const executor = createHost({
      block,
      compatible,
      descriptors: playground.grant(),
      limits: { outputBytes: OUTPUT_BYTES_MAX },
      policy: { decide: (request) => (WAITING[request.name]?.(request) === true ? 1 : 0) },
    });
    const error = execute(executor);
    if (error !== null) {
      assert.equal(error.offset, rules.malformed, "malformed, but elsewhere or not at all");
      assert.ok(!compatible || rules.overrun, "the original ends there in silence");
    } else if (!compatible && executor.ended() === host.Ended.NO) {
      assert.equal(rules.malformed, null, "malformed, and nobody said so");
    }
    for (const [start, end] of rules.allowed) {
      before.set(memory.subarray(GUARD + start, GUARD + end), GUARD + start);
    }
    assert.equal(Buffer.compare(before, memory), 0, "a byte outside of data and return words changed");
    playground.check();
  }

  return { name: "lying-guest", generate, run, simpler, close: () => playground.close() };
}
