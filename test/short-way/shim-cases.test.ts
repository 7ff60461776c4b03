// Courses of calls the short way that chance does not come upon, compared with the same ones without it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { executor } from "#src/kernel/executor.js";
import { addressOf, LINUX, SYS, syscall4 } from "#src/kernel/index.js";
import { type TestKeep, withKeeps } from "./keeps.js";

const skip = executor === undefined && "there is machine code for x86-64 only";
const RESULT = 32;
const IOVEC = 64;
const PATH = 1024;
const BUFFER = 8192;
const FD_READ = 2n;
const FOLLOW = 1;
const DIRECTORY = 2;

function open(keep: TestKeep, path: string, oflags = 0): number {
  keep.bytes.set(Buffer.from(path), PATH);
  const error = keep.call("path_open", 3, FOLLOW, PATH, path.length, oflags, FD_READ, 0n, 0, RESULT);
  assert.equal(error, 0, path);
  return keep.view.getUint32(RESULT, true);
}

/** Reads into a place of the program's memory. @returns the bytes, or an error number */
function read(keep: TestKeep, fd: number, at: number, length: number): string | number {
  keep.view.setUint32(IOVEC, at, true);
  keep.view.setUint32(IOVEC + 4, length, true);
  const error = keep.call("fd_read", fd, IOVEC, 1, RESULT);
  if (error !== 0) return error;
  return Buffer.from(keep.bytes.subarray(at, at + keep.view.getUint32(RESULT, true))).toString("latin1");
}

interface Record {
  readonly name: string;
  readonly inode: bigint;
  readonly next: bigint;
}

/** Records of a directory from a cookie on, as many as there is room for. */
function list(keep: TestKeep, fd: number, cookie = 0n, room = 40_000): Record[] | number {
  const error = keep.call("fd_readdir", fd, BUFFER, room, cookie, RESULT);
  if (error !== 0) return error;
  const { view, bytes } = keep;
  const end = BUFFER + view.getUint32(RESULT, true);
  const found: Record[] = [];
  for (let at = BUFFER; at + 24 <= end; ) {
    const length = view.getUint32(at + 16, true);
    if (at + 24 + length > end) break;
    const name = Buffer.from(bytes.subarray(at + 24, at + 24 + length)).toString();
    found.push({ name, inode: view.getBigUint64(at + 8, true), next: view.getBigUint64(at, true) });
    at += 24 + length;
  }
  return found;
}

const names = (records: Record[] | number): readonly string[] | number =>
  typeof records === "number" ? records : records.map(({ name }) => name);

function furnish(data: string): void {
  writeFileSync(join(data, "f"), "contents of f, of which there are more than a few bytes");
  for (const folder of ["one", "two", "three"]) {
    mkdirSync(join(data, folder));
    for (let count = 0; count < 9; count++) writeFileSync(join(data, folder, `${folder}-${count}`), "");
  }
  symlinkSync("f", join(data, "link"));
}

/** Access and modification time, which Node does not set to what was before 1970. */
function setTimes(path: string, seconds: bigint): void {
  const times = BigInt64Array.of(seconds, 999_999_999n, seconds, 999_999_999n);
  const name = Buffer.from(`${path}\0`);
  assert.equal(syscall4(SYS.utimensat, LINUX.AT_FDCWD, addressOf(name), addressOf(times), 0), 0);
}

/** Does the same in a keep with the short way and in one without. */
function both<T>(act: (keep: TestKeep) => T, more: (data: string) => void = () => {}): T {
  const fill = (data: string) => {
    furnish(data);
    more(data);
  };
  return withKeeps(fill, (short, long) => {
    const [mine, others] = [act(short), act(long)];
    assert.deepEqual(mine, others);
    assert.ok(short.executed <= long.executed);
    return mine;
  });
}

describe("the short way", { skip }, () => {
  it("finds the program's memory again when it has grown", () => {
    const got = both((keep) => {
      const fd = open(keep, "f");
      const before = read(keep, fd, BUFFER, 8);
      keep.memory.grow(2);
      const beyond = read(keep, fd, 3 * 65536, 8);
      const below = read(keep, fd, BUFFER, 8);
      const across = read(keep, fd, 2 * 65536 - 4, 8);
      keep.memory.grow(1);
      return [before, beyond, below, across, read(keep, fd, 5 * 65536 - 8, 8), read(keep, fd, 5 * 65536 - 7, 8)];
    });
    assert.deepEqual(got, ["contents", " of f, o", "f which ", "there ar", "e more t", 21]);
  });

  it("finds it again also for a path of no bytes", () => {
    for (const name of ["path_unlink_file", "path_create_directory", "path_remove_directory"]) {
      const error = both((keep) => {
        keep.memory.grow(1);
        return keep.call(name, 3, PATH, 0);
      });
      assert.equal(error, 44, name);
    }
  });

  it("finds it where it is when it had to move", (t) => {
    const script = fileURLToPath(new URL("./moving-memory.js", import.meta.url));
    // So little room for addresses that the engine sets none aside for memory to grow into.
    const command = `ulimit -v 1500000; exec "${process.execPath}" --disable-wasm-trap-handler "${script}"`;
    const { status, stdout, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8" });
    if (status === 9 || /out of memory|cannot be had/i.test(stderr)) {
      t.skip("this Node cannot run with so little room");
      return;
    }
    const [short, long] = JSON.parse(stdout) as readonly { readonly moved: boolean; readonly read: string }[];
    if (!short!.moved || !long!.moved) {
      t.skip("memory that grows does not move here");
      return;
    }
    assert.equal(long!.read, "0 what was read");
    assert.equal(short!.read, long!.read, stderr);
  });

  it("reads several directories in turn", () =>
    void both((keep) => {
      const fds = ["one", "two", "three"].map((path) => open(keep, path, DIRECTORY));
      const turns = [];
      for (let cookie = 0n; cookie < 12n; cookie += 2n) {
        for (const fd of [...fds, 3, 4]) turns.push(names(list(keep, fd, cookie, 90)));
      }
      assert.equal(keep.call("fd_close", fds[0]!), 0);
      for (const fd of fds.slice(1))
        turns.push(names(list(keep, fd, 3n)), names(list(keep, fd)), names(list(keep, fd, 5n)));
      // The number is another directory's now.
      assert.equal(open(keep, "three", DIRECTORY), fds[0]);
      turns.push(names(list(keep, fds[0]!, 4n)), names(list(keep, fds[1]!, 2n)), names(list(keep, fds[0]!)));
      return turns;
    }));

  it("tells the inode numbers that the files have", () => {
    withKeeps(furnish, (keep) => {
      const fd = open(keep, "one", DIRECTORY);
      const before = keep.executed;
      const folder = join(keep.data, "one");
      const inode = (name: string) => lstatSync(join(folder, name), { bigint: true }).ino;
      for (const { name, inode: told } of list(keep, fd) as Record[]) {
        assert.equal(told, name.startsWith(".") ? inode(".") : inode(name), name);
      }
      keep.bytes.set(Buffer.from("one/one-3"), PATH);
      assert.equal(keep.call("path_filestat_get", 3, 0, PATH, 9, BUFFER), 0);
      assert.equal(keep.view.getBigUint64(BUFFER + 8, true), inode("one-3"));
      assert.equal(keep.view.getBigUint64(BUFFER, true), lstatSync(folder, { bigint: true }).dev);
      // Only the path with a slash is not told the short way.
      assert.equal(keep.executed, before + 1);
    });
  });

  it("tells times that are usual, long ago and far away", () => {
    // ext4 keeps them up to 2446.
    const times = [1n, 1_700_000_000n, -1n, -86_400n, 2n ** 31n, 2n ** 33n];
    const at = (index: number) => `time-${index}`;
    const told = both(
      (keep) =>
        times.map((_, index) => {
          keep.bytes.set(Buffer.from(at(index)), PATH);
          assert.equal(keep.call("path_filestat_get", 3, 0, PATH, 6, BUFFER), 0);
          return [keep.view.getBigUint64(BUFFER + 40, true), keep.view.getBigUint64(BUFFER + 48, true)];
        }),
      (data) => {
        for (const [index, time] of times.entries()) {
          writeFileSync(join(data, at(index)), "");
          setTimes(join(data, at(index)), time);
        }
      },
    );
    assert.deepEqual(told[2], [0n, 0n]);
    assert.deepEqual(told[4], [2_147_483_648_999_999_999n, 2_147_483_648_999_999_999n]);
  });

  it("shows a directory as it was when it was read, whatever comes and goes meanwhile", () =>
    void both((keep) => {
      const fd = open(keep, "one", DIRECTORY);
      const whole = names(list(keep, fd));
      for (const name of whole as string[]) if (name.endsWith("3")) unlinkSync(join(keep.data, "one", name));
      writeFileSync(join(keep.data, "one", "new"), "");
      return [whole, names(list(keep, fd, 2n)), names(list(keep, fd, 7n)), (list(keep, fd) as Record[]).length];
    }));

  for (const [what, change] of [
    ["its number is another", (keep: TestKeep, fd: number) => (keep.call("fd_renumber", fd, 4) === 0 ? 4 : -1)],
    [
      "it has fewer rights",
      (keep: TestKeep, fd: number) => (keep.call("fd_fdstat_set_rights", fd, 0x7b7fe00n, 0n) === 0 ? fd : -1),
    ],
  ] as const) {
    it(`still shows a directory as it was when it was read, when ${what}`, () =>
      void both((keep) => {
        const fd = open(keep, "one", DIRECTORY);
        const whole = names(list(keep, fd)) as string[];
        for (const name of whole.slice(2)) unlinkSync(join(keep.data, "one", name));
        return names(list(keep, change(keep, fd), 2n));
      }));
  }

  it("reads a directory that was removed", () =>
    void both((keep) => {
      const fd = open(keep, "one", DIRECTORY);
      const other = open(keep, "two", DIRECTORY);
      list(keep, other);
      for (const folder of ["one", "two"]) rmSync(join(keep.data, folder), { recursive: true });
      return [list(keep, fd), names(list(keep, other, 2n)), list(keep, other)];
    }));

  it("reads as little of a directory that was removed as is asked for", () =>
    void both((keep) => {
      const fd = open(keep, "one", DIRECTORY);
      rmSync(join(keep.data, "one"), { recursive: true });
      return [0, 25, 51, 52].map((room) => names(list(keep, fd, 0n, room)));
    }));

  it("opens what there is no more room for as little as any other", () =>
    void both((keep) => {
      const opened = [];
      keep.bytes.set(Buffer.from("f"), PATH);
      for (let count = 0; count < 30; count++) {
        opened.push(
          keep.call("path_open", 3, 0, PATH, 1, 0, FD_READ, 0n, 0, RESULT),
          keep.view.getUint32(RESULT, true),
        );
      }
      for (const fd of [20, 7, 12]) keep.call("fd_close", fd);
      for (let count = 0; count < 4; count++)
        opened.push(keep.call("path_open", 3, 0, PATH, 1, 0, FD_READ, 0n, 0, RESULT));
      return [...opened, keep.view.getUint32(RESULT, true)];
    }));
});
