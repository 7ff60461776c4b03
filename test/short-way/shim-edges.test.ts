// Pointers that fit at the end of the program's memory, and those that just do not, with and without the short way.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { executor } from "#src/kernel/executor.js";
import { type TestKeep, withKeeps } from "./keeps.js";

const skip = executor === undefined && "there is machine code for x86-64 only";
const [IOVEC, RESULT, PATH, BUFFER] = [64, 32, 1024, 8192];
const FAULT = 21;
const FD_READ = 2n;
const NAME = "f";

/** A function: its parameters where one pointer, to so many bytes, is `at`. */
interface Case {
  readonly name: string;
  readonly bytes: number;
  readonly args: (at: number) => readonly (number | bigint)[];
  /** What must lie there for the call to succeed. */
  readonly put?: (keep: TestKeep, at: number) => void;
}

/** Sets the buffer of an iovec. */
function iovec(keep: TestKeep, at: number, start: number, length: number): void {
  if (at + 8 > keep.bytes.length) return;
  keep.view.setUint32(at, start, true);
  keep.view.setUint32(at + 4, length, true);
}

const putName = (keep: TestKeep, at: number) => {
  if (at < keep.bytes.length) keep.bytes.set(Buffer.from(NAME), at);
};

/** Of each function that moves bytes: its result, its array, and its buffer. */
function transfers(name: string, fd: number, ...position: readonly bigint[]): readonly Case[] {
  const aside = (keep: TestKeep) => iovec(keep, IOVEC, BUFFER, 5);
  return [
    { name, bytes: 4, args: (at) => [fd, IOVEC, 1, ...position, at], put: aside },
    { name, bytes: 8, args: (at) => [fd, at, 1, ...position, RESULT], put: (keep, at) => iovec(keep, at, BUFFER, 5) },
    {
      name,
      bytes: 5,
      args: () => [fd, IOVEC, 1, ...position, RESULT],
      put: (keep, at) => iovec(keep, IOVEC, at, 5),
    },
  ];
}

const CASES: readonly Case[] = [
  ...transfers("fd_read", 5),
  ...transfers("fd_write", 1),
  ...transfers("fd_pread", 5, 0n),
  ...transfers("fd_pwrite", 5, 0n),
  { name: "fd_seek", bytes: 8, args: (at) => [5, 0n, 0, at] },
  { name: "fd_tell", bytes: 8, args: (at) => [5, at] },
  { name: "clock_time_get", bytes: 8, args: (at) => [1, 0n, at] },
  { name: "random_get", bytes: 16, args: (at) => [at, 16] },
  { name: "path_open", bytes: 4, args: (at) => [3, 0, PATH, 1, 0, FD_READ, 0n, 0, at] },
  { name: "path_open", bytes: 1, args: (at) => [3, 0, at, 1, 0, FD_READ, 0n, 0, RESULT], put: putName },
  { name: "fd_readdir", bytes: 4, args: (at) => [3, BUFFER, 200, 0n, at] },
  { name: "fd_readdir", bytes: 200, args: (at) => [3, at, 200, 0n, RESULT] },
  { name: "fd_filestat_get", bytes: 64, args: (at) => [5, at] },
  { name: "path_filestat_get", bytes: 64, args: (at) => [3, 0, PATH, 1, at] },
  { name: "path_filestat_get", bytes: 1, args: (at) => [3, 0, at, 1, BUFFER], put: putName },
];

const furnish = (data: string) => writeFileSync(join(data, NAME), "contents");

/** Makes the call on a fresh file. @returns its error number */
function call(keep: TestKeep, { name, args, put }: Case, at: number): number {
  putName(keep, PATH);
  put?.(keep, at);
  return keep.call(name, ...args(at));
}

describe("at the end of the program's memory", { skip }, () => {
  for (const [index, each] of CASES.entries()) {
    it(`${each.name} takes ${each.bytes} bytes that fit, and no others (${index})`, () =>
      withKeeps(furnish, (short, long) => {
        for (const keep of [short, long]) {
          putName(keep, PATH);
          const rights = FD_READ | 64n;
          assert.equal(keep.call("path_open", 3, 0, PATH, 1, 0, rights, 0n, 0, RESULT), 0);
        }
        for (const pages of [0, 1]) {
          for (const keep of [short, long]) keep.memory.grow(pages);
          const size = short.bytes.length;
          for (const beyond of [-8, -1, 0, 1, 2, each.bytes, each.bytes + 65536, 2 ** 32 - size]) {
            const at = (size - each.bytes + beyond) >>> 0;
            const errors = [short, long].map((keep) => call(keep, each, at));
            assert.deepEqual(errors, beyond <= 0 ? [0, 0] : [FAULT, FAULT], `${beyond} beyond`);
          }
        }
      }));
  }
});
