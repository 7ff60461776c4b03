/**
 * Makes the calls of programs/micro.c from JavaScript through the foreign function interface, and nothing around them:
 * raw DIRECTORY SUBJECT=CALLS ... The floor that anything written in JavaScript stands on.
 */
import { closeSync, constants, openSync } from "node:fs";
import {
  addressOf,
  check,
  SYS,
  syscall0,
  syscall1,
  syscall3,
  syscall4,
  syscall5,
  vdsoClockGettime,
} from "#src/kernel/index.js";
import { CLOCK_MONOTONIC, O_CLOEXEC, STATX_BASIC_STATS } from "#src/sallyport/linux.js";
import { measure, request } from "./measure.js";

const [path, ...requests] = process.argv.slice(2) as [string, ...string[]];
const directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
const data = openSync(`${path}/data.bin`, "r");
const list = openSync(`${path}/list`, constants.O_RDONLY | constants.O_DIRECTORY);
const bytes = new Uint8Array(65536);
const name = new TextEncoder().encode("data.bin\0");
const buffer = addressOf(bytes);
const nameAddress = addressOf(name);

const seekTo = (offset: number): number => check(syscall3(SYS.lseek, data, offset, 0), "lseek");

/** Reads through the file, and starts again at its end. */
const readFile = (size: number) => (calls: number) => {
  seekTo(0);
  for (let i = 0; i < calls; i++) if (syscall3(SYS.read, data, buffer, size) < size) seekTo(0);
};

const loops: Readonly<Record<string, (calls: number) => void>> = {
  clock: (calls) => {
    for (let i = 0; i < calls; i++) vdsoClockGettime(CLOCK_MONOTONIC, buffer);
  },
  "write-64": (calls) => {
    for (let i = 0; i < calls; i++) check(syscall3(SYS.write, 1, buffer, 64), "write");
  },
  "read-64": readFile(64),
  "read-4k": readFile(4096),
  "read-64k": readFile(65536),
  seek: (calls) => {
    for (let i = 0; i < calls; i++) seekTo(i & 1023);
  },
  "open-close": (calls) => {
    for (let i = 0; i < calls; i++) {
      syscall1(SYS.close, check(syscall4(SYS.openat, directory, nameAddress, O_CLOEXEC, 0), "openat"));
    }
  },
  stat: (calls) => {
    for (let i = 0; i < calls; i++) {
      const { statx } = SYS;
      check(syscall5(statx, directory, nameAddress, 0, STATX_BASIC_STATS, buffer), "statx");
    }
  },
  readdir: (calls) => {
    for (let i = 0; i < calls; i++) {
      check(syscall3(SYS.lseek, list, 0, 0), "lseek");
      while (check(syscall3(SYS.getdents64, list, buffer, 32768), "getdents64") > 0);
    }
  },
  "random-16": (calls) => {
    for (let i = 0; i < calls; i++) check(syscall3(SYS.getrandom, buffer, 16, 0), "getrandom");
  },
  getuid: (calls) => {
    for (let i = 0; i < calls; i++) check(syscall0(SYS.getuid), "getuid");
  },
};

for (const text of requests) {
  const { name: subject, calls } = request(text);
  const loop = loops[subject];
  if (loop === undefined) throw new Error(`unknown subject: ${subject}`);
  measure(subject, calls, loop);
}
for (const descriptor of [directory, data, list]) closeSync(descriptor);
