/** Lines of calls: what each kind of argument looks like, and that a trace holds them whole, whatever their length. */
import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Request } from "postern/host";
import { callLine, callRecord, createTracer } from "postern/observe";
import { Block, type CallName, Errno, plans } from "postern/sallyport";

const directory = mkdtempSync(join(tmpdir(), "postern-lines-"));
after(() => rmSync(directory, { recursive: true }));

const NULL = -1n;
const DATA = 64;

/** A request with these words, whose data section holds these bytes. */
function request(name: CallName, words: readonly bigint[], data: string | Uint8Array, result: number): Request {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const block = new Block(new ArrayBuffer(2 ** 16));
  block.bytes.set(bytes, DATA);
  const made = new Request(block, undefined);
  made.plan = plans[name];
  words.forEach((word, slot) => {
    made.words[2 * slot] = Number(word & 0xffffffffn);
    made.words[2 * slot + 1] = Number((word >> 32n) & 0xffffffffn);
  });
  made.data = DATA;
  made.dataLength = bytes.length;
  made.result = result;
  return made;
}

const words = (...numbers: readonly bigint[]) => new Uint8Array(BigInt64Array.from(numbers).buffer);
const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const LETTERS: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r" };
/** struct open_how without anything in it. */
const NO_HOW = `{${"00".repeat(24)}}`;

const CASES: ReadonlyArray<
  readonly [name: string, made: Request, line: string, args: Record<string, unknown>, errno?: string]
> = [
  [
    "bytes in",
    request("write", [1n, 0n, 5n], 'a"\n\x01é', 5),
    'write(1, "a\\"\\n\\1\\303", 5) = 5',
    { fd: 1, buf: { data: 'a"\n\x01Ã', length: 5 } },
  ],
  ["no bytes", request("write", [1n, 0n, 0n], "", 0), 'write(1, "", 0) = 0', { fd: 1, buf: { data: "", length: 0 } }],
  [
    "more bytes than are shown",
    request("write", [1n, 0n, 33n], every.subarray(64, 97), 33),
    'write(1, "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_"..., 33) = 33',
    { fd: 1, buf: { data: "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_", length: 33 } },
  ],
  [
    "bytes out, as many as the result says",
    request("read", [3n, 0n, 8n], "hello???", 5),
    'read(3, "hello", 8) = 5',
    { fd: 3, buf: { data: "hello", length: 8 } },
  ],
  [
    "bytes out after an error",
    request("read", [3n, 0n, 8n], "hello???", -Errno.EBADF),
    "read(3, ?) = -1 EBADF",
    { fd: 3, buf: { length: 8 } },
    "EBADF",
  ],
  [
    "bytes out of bounds",
    request("write", [1n, 9n, 5n], "hello", -Errno.EFAULT),
    'write(1, "", 0) = -1 EFAULT',
    { fd: 1, buf: { data: "", length: 0 } },
    "EFAULT",
  ],
  [
    "numbers of 64 bits and names",
    request("lseek", [4n, 2n ** 40n + 7n, 0n], "", 2 ** 40 + 7),
    "lseek(4, 1099511627783, SEEK_SET) = 1099511627783",
    { fd: 4, offset: 1099511627783, whence: "SEEK_SET" },
  ],
  [
    "negative numbers and numbers without a name",
    request("lseek", [-3n, -(2n ** 33n), 9n], "", -Errno.EINVAL),
    "lseek(-3, -8589934592, 9) = -1 EINVAL",
    { fd: -3, offset: -8589934592, whence: "9" },
    "EINVAL",
  ],
  [
    "numbers that are not exact",
    request("ftruncate", [3n, 2n ** 63n - 1n], "", 0),
    "ftruncate(3, 9223372036854776000) = 0",
    { fd: 3, length: 9223372036854776000 },
  ],
  [
    "flags",
    request("eventfd2", [0n, 0x10080801n], "", 5),
    "eventfd2(0, O_CLOEXEC|O_NONBLOCK|O_WRONLY|0x10000000) = 5",
    { initval: 0, flags: "O_CLOEXEC|O_NONBLOCK|O_WRONLY|0x10000000" },
  ],
  [
    "a path, a structure and one that was left out",
    request("openat2", [3n, 24n, 0n, NULL], Uint8Array.from([...new Uint8Array(24), 0x61, 9, 0xc3, 0xa9, 0]), 4),
    `openat2(3, "a\\t\\303\\251", ${NO_HOW}, NULL) = 4`,
    { dirfd: 3, pathname: "a\té", how: NO_HOW, mode: "NULL" },
  ],
  [
    "a path that was left out, and a long structure",
    request("statx", [3n, NULL, 0n, 0n, 0n], new Uint8Array(256).fill(0xab), 0),
    `statx(3, NULL, 0, 0, {${"ab".repeat(32)}...}) = 0`,
    { dirfd: 3, pathname: null, flags: "0", mask: 0, statxbuf: `{${"ab".repeat(32)}...}` },
  ],
  [
    "a timespec",
    request("clock_gettime", [1n, 0n], words(1_700_000_000n, 999_999_999n), 0),
    "clock_gettime(CLOCK_MONOTONIC, {1700000000, 999999999}) = 0",
    { clockid: "CLOCK_MONOTONIC", tp: "{1700000000, 999999999}" },
  ],
  [
    "a timespec that no number holds",
    request("nanosleep", [0n, NULL], words(-(2n ** 63n), 2n ** 53n + 1n), -Errno.EINVAL),
    "nanosleep({-9223372036854775808, 9007199254740993}, NULL) = -1 EINVAL",
    { req: "{-9223372036854775808, 9007199254740993}", rem: "NULL" },
    "EINVAL",
  ],
  [
    "a structure after an error",
    request("clock_gettime", [1n, 0n], words(1n, 1n), -Errno.EINVAL),
    "clock_gettime(CLOCK_MONOTONIC, ?) = -1 EINVAL",
    { clockid: "CLOCK_MONOTONIC", tp: "?" },
    "EINVAL",
  ],
  ["no arguments", request("sync", [], "", 0), "sync() = 0", {}],
  ["a call that does not come back", request("exit_group", [3n], "", 0), "exit_group(3) = ?", { status: 3 }],
];

describe("a line shows", () => {
  for (const [name, made, line, args, errno] of CASES) {
    test(name, () => {
      assert.equal(callLine(made), line);
      const answer = errno === undefined ? { result: made.result } : { errno };
      assert.deepEqual(callRecord(made), { call: made.name, args, ...answer });
    });
  }
});

test("every byte has its escape", () => {
  const shown = Array.from({ length: 8 }, (_, i) => request("write", [1n, BigInt(32 * i), 32n], every, 32));
  const text = shown.map((each) => /"(.*)"/.exec(callLine(each))![1]).join("");
  const plain = text.replace(/\\([0-7]+|.)/g, (_, code: string) =>
    /\d/.test(code) ? String.fromCharCode(Number.parseInt(code, 8)) : (LETTERS[code] ?? code),
  );
  assert.equal(plain, String.fromCharCode(...every));
  assert.match(text, /^[ -~]*$/);
  const data = shown.map((each) => (callRecord(each).args as { buf: { data: string } }).buf.data).join("");
  assert.equal(data, String.fromCharCode(...every));
});

describe("a trace holds every line whole", () => {
  const path = (length: number) => request("memfd_create", [0n, 0n], `${"\x01".repeat(length)}\0`, 3);
  const lengths = [1, 100, 1000, 2000, 4095, 4096, 4097, 20_000, 3];
  const requests = [...Array.from({ length: 300 }, (_, i) => CASES[i % (CASES.length - 1)]![1]), ...lengths.map(path)];
  for (const format of ["text", "json"] as const) {
    for (const immediate of [false, true]) {
      test(`${format}, ${immediate ? "each at once" : "collected"}`, () => {
        const file = join(directory, `${format}-${immediate}`);
        const descriptor = openSync(file, "w");
        const { observer, close } = createTracer({ descriptor, format, immediate });
        for (const each of requests) observer.after(each);
        close();
        closeSync(descriptor);
        const line = (each: Request) => (format === "text" ? callLine(each) : JSON.stringify(callRecord(each)));
        assert.equal(readFileSync(file, "utf8"), requests.map((each) => `${line(each)}\n`).join(""));
      });
    }
  }
});
