import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import {
  compareKeeps,
  decodeKeep,
  encodeKeep,
  identifyProgram,
  type KeepDescription,
  measureKeep,
} from "postern/measure";
import { flipped, reasonOf, refuses } from "./refusals.js";

const KEEP: KeepDescription = {
  program: identifyProgram(Buffer.from("abc")),
  args: ["tool", "-v"],
  env: [
    ["LANG", "C"],
    ["HOME", "/"],
  ],
  directories: [
    { guest: "/tmp", access: "read-write" },
    { guest: "/data", access: "read" },
  ],
  sockets: [{ name: "web", kind: "listen", endpoint: "tcp:127.0.0.1:80" }],
  limits: { "timeout-milliseconds": 5000, "memory-bytes": 2n ** 40n },
};

test("the encoding is the documented one, byte by byte", () => {
  const expected = [
    "706f737465726e2d6b6565702d310000",
    "70726f67 01000000 0300000000000000",
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "61726773 02000000 04000000 746f6f6c 02000000 2d76",
    "656e7670 02000000 04000000 484f4d45 01000000 2f 04000000 4c414e47 01000000 43",
    "64697273 02000000 05000000 2f64617461 01 04000000 2f746d70 03",
    "736f636b 01000000 03000000 776562 01 10000000 7463703a3132372e302e302e313a3830",
    "6c696d73 02000000 0c000000 6d656d6f72792d6279746573 0000000000010000",
    "14000000 74696d656f75742d6d696c6c697365636f6e6473 8813000000000000",
  ];
  const { encoding, measurement } = measureKeep(KEEP);
  assert.equal(encoding.toString("hex"), expected.join("").replaceAll(" ", ""));
  assert.equal(measurement, createHash("sha256").update(encoding).digest("hex"));
  assert.equal(measurement, "30df1b86e373b292fd7394178bf766f7d083f307ea06b67c23eecc06655a7fa4");
});

const text = fc.string({ unit: "grapheme", maxLength: 12 }).filter((value) => !value.includes("\0"));
const name = text.filter((value) => value !== "" && !value.includes("="));
const directory = fc.record({
  guest: fc.array(fc.constantFrom("a", "b", "ä", ".", ""), { maxLength: 4 }).map((parts) => `/${parts.join("/")}`),
  access: fc.constantFrom("read" as const, "read-write" as const),
});
const socket = fc.record({
  name,
  kind: fc.constantFrom("listen" as const, "connect" as const),
  endpoint: text,
});
const canonicalPath = (guest: string) =>
  `/${guest
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/")}`;
const keep: fc.Arbitrary<KeepDescription> = fc.record({
  program: fc.uint8Array().map(identifyProgram),
  args: fc.array(text, { maxLength: 4 }),
  env: fc.uniqueArray(fc.tuple(name, text), { selector: ([key]) => key, maxLength: 4 }),
  directories: fc.uniqueArray(directory, { selector: ({ guest }) => canonicalPath(guest), maxLength: 4 }),
  sockets: fc.uniqueArray(socket, { selector: (entry) => entry.name, maxLength: 4 }),
  limits: fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9-]{0,9}$/), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), {
    maxKeys: 4,
  }),
});

test("an encoding reads back to a keep that encodes the same", () => {
  fc.assert(
    fc.property(keep, (description) => {
      const encoding = encodeKeep(description);
      assert.deepEqual(encodeKeep(decodeKeep(encoding)), encoding);
      assert.equal(compareKeeps(description, decodeKeep(encoding)), null);
    }),
  );
});

test("the order in which grants are written does not matter, the order of arguments does", () => {
  fc.assert(
    fc.property(keep, (description) => {
      const turned = {
        ...description,
        env: description.env.toReversed(),
        directories: description.directories.toReversed(),
        sockets: description.sockets.toReversed(),
        limits: Object.fromEntries(Object.entries(description.limits).toReversed()),
      };
      assert.deepEqual(encodeKeep(turned), encodeKeep(description));
    }),
  );
  assert.notDeepEqual(encodeKeep({ ...KEEP, args: ["-v", "tool"] }), encodeKeep(KEEP));
});

test("two keeps measure the same exactly when no difference is found", () => {
  fc.assert(
    fc.property(keep, keep, (a, b) => {
      assert.equal(measureKeep(a).measurement === measureKeep(b).measurement, compareKeeps(a, b) === null);
    }),
  );
});

test("directory names have one form", () => {
  const measure = (guest: string) => measureKeep({ ...KEEP, directories: [{ guest, access: "read" }] }).measurement;
  for (const same of ["/data/", "//data", "/./data/.", "/data//"]) assert.equal(measure(same), measure("/data"));
  assert.equal(measure("./"), measure("."));
  assert.equal(measure("/./"), measure("/"));
  assert.notEqual(measure("data"), measure("/data"));
});

test("the first difference is named in words", () => {
  const against = (change: Partial<KeepDescription>) => compareKeeps(KEEP, { ...KEEP, ...change });
  assert.match(
    String(against({ program: identifyProgram(Buffer.from("abd")) })),
    /^the program is .* expected ba7816bf/,
  );
  assert.equal(against({ args: ["tool", "-q"] }), 'argument 1 is "-q", expected "-v"');
  assert.equal(against({ args: ["tool"] }), 'argument 1 is missing, expected "-v"');
  assert.equal(against({ args: ["tool", "-v", "x\u001b"] }), 'argument 2 is "x\\u001b", but was not expected');
  assert.equal(against({ env: [["LANG", "C"]] }), 'environment variable "HOME" is missing, expected "/"');
  assert.equal(
    against({ directories: [{ guest: "/tmp", access: "read" }] }),
    'directory "/data" is missing, expected read',
  );
  assert.equal(against({ sockets: [] }), 'socket "web" is missing, expected listen "tcp:127.0.0.1:80"');
  assert.equal(against({ limits: {} }), `limit memory-bytes is missing, expected ${2n ** 40n}`);
});

test("what has no canonical form is refused", () => {
  const wrong: readonly (readonly [object, string])[] = [
    [{ program: { size: -1, sha256: "00".repeat(32) } }, "field"],
    [{ program: { size: 1, sha256: "zz" } }, "field"],
    [{ args: ["a\0b"] }, "field"],
    [{ args: ["\ud800"] }, "field"],
    [{ args: [7] }, "field"],
    [{ args: "tool" }, "field"],
    [{ args: Array(65_537).fill("") }, "limit"],
    [{ args: ["x".repeat((1 << 20) + 1)] }, "limit"],
    [{ args: Array(17).fill("x".repeat(1 << 20)) }, "limit"],
    [{ env: [["A=B", "c"]] }, "field"],
    [{ env: [["", "c"]] }, "field"],
    [
      {
        env: [
          ["A", "1"],
          ["A", "2"],
        ],
      },
      "duplicate",
    ],
    [{ directories: [{ guest: "", access: "read" }] }, "field"],
    [{ directories: [{ guest: "/a/../b", access: "read" }] }, "field"],
    [{ directories: [{ guest: "/a", access: "write" }] }, "field"],
    [{ directories: [{ guest: "/a", access: "toString" }] }, "field"],
    [
      {
        directories: [
          { guest: "/a", access: "read" },
          { guest: "/a/", access: "read" },
        ],
      },
      "duplicate",
    ],
    [{ sockets: [{ name: "a", kind: "bind", endpoint: "" }] }, "field"],
    [{ limits: { Memory: 1 } }, "field"],
    [{ limits: { memory: -1 } }, "field"],
    [{ limits: { memory: 0.5 } }, "field"],
    [{ limits: { memory: 2n ** 64n } }, "field"],
    [{ limits: null }, "field"],
  ];
  for (const [change, reason] of wrong) {
    assert.equal(
      reasonOf(() => encodeKeep({ ...KEEP, ...change } as KeepDescription)),
      reason,
      JSON.stringify(change, replacer).slice(0, 80),
    );
  }
});

const replacer = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);

test("texts that are not UTF-8 are kept as bytes", () => {
  const args = [Buffer.from([0xff, 0x41])];
  const decoded = decodeKeep(encodeKeep({ ...KEEP, args }));
  assert.deepEqual(decoded.args, args);
});

test("only the canonical encoding is read back", () => {
  const { encoding } = measureKeep(KEEP);
  for (let length = 0; length < encoding.length; length++) {
    refuses(() => decodeKeep(encoding.subarray(0, length)), "truncated", length);
  }
  refuses(() => decodeKeep(Buffer.concat([encoding, Buffer.of(0)])), "not-canonical", encoding.length);
  refuses(() => decodeKeep(flipped(encoding, 14)), "not-canonical", 0);
  refuses(() => decodeKeep(flipped(encoding, 16)), "not-canonical", 16);
  refuses(() => decodeKeep(flipped(encoding, 20, 2)), "limit", 20);
  const swapped = Buffer.from(encoding);
  swapped.write("XANG", encoding.indexOf("HOME"), "latin1");
  assert.equal(
    reasonOf(() => decodeKeep(swapped), encoding.length),
    "not-canonical",
  );
  refuses(() => decodeKeep(Buffer.alloc((16 << 20) + 1)), "limit", 16 << 20);
});

test("changed bytes are refused or read to a keep with another measurement", () => {
  const { encoding, measurement } = measureKeep(KEEP);
  fc.assert(
    fc.property(fc.nat(encoding.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
      reasonOf(() => {
        assert.notEqual(measureKeep(decodeKeep(flipped(encoding, at, bits))).measurement, measurement);
      }, encoding.length);
    }),
    { numRuns: 3000 },
  );
});
