import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ERRORS } from "#src/kernel/generated/errors.js";
import {
  addressOf,
  type Constants,
  LINUX,
  STRUCTS,
  type Structs,
  SYS,
  syscall1,
  syscall3,
  syscall4,
} from "#src/kernel/index.js";

/**
 * Compares the generated tables with the C headers of this machine: a program is made from the names alone, compiled,
 * and what it prints is compared. The kernel's headers and libc's disagree about names, so there are two programs.
 */
const compiler = ["cc", "gcc", "clang"].find((name) => spawnSync(name, ["--version"]).status === 0);

const KERNEL_HEADERS = `
  asm/unistd.h asm/stat.h asm/fcntl.h asm/signal.h asm/poll.h asm/termios.h asm/errno.h linux/fcntl.h linux/stat.h
  linux/openat2.h linux/time.h linux/time_types.h linux/eventpoll.h linux/uio.h linux/socket.h linux/in.h linux/in6.h
  linux/un.h linux/utsname.h linux/resource.h linux/elf.h linux/mman.h linux/memfd.h linux/auxvec.h linux/seccomp.h
  linux/prctl.h linux/landlock.h linux/kvm.h`;
const LIBC_HEADERS = "sys/socket.h sys/eventfd.h sys/signal.h";

function whySkipped(): string | false {
  if (compiler === undefined) return "there is no C compiler (cc, gcc, clang) here";
  const missing = KERNEL_HEADERS.trim()
    .split(/\s+/)
    .filter((header) => spawnSync(compiler, ["-E", "-"], { input: `#include <${header}>\n` }).status !== 0);
  return missing.length > 0 ? `headers are missing: ${missing.join(", ")}` : false;
}
const skip = whySkipped();
/** musl declares narrower members in msghdr and cmsghdr than the kernel has. */
const isGlibc = "glibcVersionRuntime" in (process.report.getReport() as { header: object }).header;

/** C type of each struct in the kernel's headers; the others are looked up in libc's, or have no header at all. */
const KERNEL_TYPES = {
  stat: "struct stat",
  statx: "struct statx",
  statx_timestamp: "struct statx_timestamp",
  open_how: "struct open_how",
  iovec: "struct iovec",
  timespec: "struct __kernel_timespec",
  pollfd: "struct pollfd",
  epoll_event: "struct epoll_event",
  sockaddr_in: "struct sockaddr_in",
  sockaddr_in6: "struct sockaddr_in6",
  sockaddr_un: "struct sockaddr_un",
  sockaddr_storage: "struct __kernel_sockaddr_storage",
  sigaction: "struct sigaction",
  utsname: "struct new_utsname",
  rlimit64: "struct rlimit64",
  winsize: "struct winsize",
  elf64_ehdr: "struct elf64_hdr",
  elf64_phdr: "struct elf64_phdr",
  elf64_dyn: "Elf64_Dyn",
  elf64_sym: "struct elf64_sym",
} as const satisfies { [name in keyof Structs]?: string };
const LIBC_TYPES = { sockaddr: "struct sockaddr", msghdr: "struct msghdr", cmsghdr: "struct cmsghdr" } as const;
/** Not in any exported header; checked live below. */
const WITHOUT_HEADER = ["linux_dirent64"];

const printIfDefined = (kind: string, name: string, macro: string) =>
  `#ifdef ${macro}\n  printf("${kind} ${name} %lld\\n", (long long)(${macro}));\n#endif\n`;

function printStruct(name: keyof Structs, type: string): string {
  const fields = Object.keys(STRUCTS[name].fields).map(
    (field) =>
      `  printf("field ${name}.${field} %lld\\n", (long long)__builtin_offsetof(${type}, ${field}));\n` +
      `  printf("width ${name}.${field} %lld\\n", (long long)sizeof(((${type} *)0)->${field}));\n`,
  );
  return `  printf("size ${name} %lld\\n", (long long)sizeof(${type}));\n${fields.join("")}`;
}

/** Compiles and runs a C program; the numbers it prints by their keys. */
function runProgram(headers: string, body: string): Map<string, number> {
  const folder = mkdtempSync(join(tmpdir(), "postern-headers-"));
  try {
    const includes = headers
      .trim()
      .split(/\s+/)
      .map((header) => `#include <${header}>\n`)
      .join("");
    const source = join(folder, "print.c");
    const program = join(folder, "print");
    writeFileSync(source, `${includes}int printf(const char *, ...);\nint main(void) {\n${body}  return 0;\n}\n`);
    const compiled = spawnSync(compiler!, ["-w", "-o", program, source], { encoding: "utf8" });
    assert.equal(compiled.status, 0, compiled.stderr);
    const run = spawnSync(program, { encoding: "utf8" });
    assert.equal(run.status, 0, run.stderr);
    const lines = run.stdout.trim().split("\n");
    return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Compares what both know. Headers older than the tables lack some names, but `share` of them must be known, or the test
 * proves nothing.
 */
function compare(ours: ReadonlyMap<string, number>, theirs: ReadonlyMap<string, number>, share: number) {
  const both = [...ours.keys()].filter((key) => theirs.has(key));
  assert.ok(both.length >= ours.size * share, `only ${both.length} of ${ours.size} names are known to the headers`);
  for (const key of both) assert.equal(ours.get(key), theirs.get(key), key);
}

const prefixed = (kind: string, record: object) =>
  new Map(Object.entries(record).map(([name, value]) => [`${kind} ${name}`, value as number]));

function structNumbers(names: string[]): Map<string, number> {
  return new Map(
    (names as (keyof Structs)[]).flatMap((name) => [
      [`size ${name}`, STRUCTS[name].size],
      ...Object.entries(STRUCTS[name].fields).flatMap(([field, { offset, size }]): [string, number][] => [
        [`field ${name}.${field}`, offset],
        [`width ${name}.${field}`, size],
      ]),
    ]),
  );
}

describe("the tables against the C headers of this machine", { skip }, () => {
  it("has the system call numbers of asm/unistd.h", () => {
    const body = Object.keys(SYS).map((name) => printIfDefined("call", name, `__NR_${name}`));
    compare(prefixed("call", SYS), runProgram("asm/unistd.h", body.join("")), 0.95);
  });

  it("has the constants of the kernel's headers", () => {
    // SIGRTMAX leads to a name that the kernel's headers do not define on x86-64.
    const names = Object.keys(LINUX).filter((name) => name !== "SIGRTMAX");
    const body = names.map((name) => printIfDefined("constant", name, name));
    compare(prefixed("constant", LINUX), runProgram(KERNEL_HEADERS, body.join("")), 0.85);
  });

  it("has the constants of libc's headers", () => {
    const names = ["SIGRTMAX", "SIGURG", "SA_RESTART"] satisfies (keyof Constants)[];
    const body = names.map((name) => printIfDefined("constant", name, name));
    const ours = Object.fromEntries(names.map((name) => [name, LINUX[name]]));
    compare(prefixed("constant", ours), runProgram("signal.h", body.join("")), 1);
  });

  it("has the errors of errno.h", () => {
    const numbers = Object.fromEntries(Object.entries(ERRORS).map(([number, [name]]) => [name, Number(number)]));
    const body = Object.keys(numbers).map((name) => printIfDefined("errno", name, name));
    compare(prefixed("errno", numbers), runProgram("errno.h", body.join("")), 0.95);
  });

  it("has the struct layouts of the kernel's headers", () => {
    const body = Object.entries(KERNEL_TYPES).map(([name, type]) => printStruct(name as keyof Structs, type));
    const ours = structNumbers(Object.keys(KERNEL_TYPES));
    compare(ours, runProgram(KERNEL_HEADERS, body.join("")), 1);
  });

  const muslDiffers = isGlibc ? false : "musl declares msghdr and cmsghdr otherwise than the kernel";
  it("has the layouts of libc's headers where the kernel exports none", { skip: muslDiffers }, () => {
    const body = Object.entries(LIBC_TYPES).map(([name, type]) => printStruct(name as keyof Structs, type));
    const ours = structNumbers(Object.keys(LIBC_TYPES));
    compare(ours, runProgram(LIBC_HEADERS, body.join("")), 1);
  });

  it("has the layout of libc's sigaction that installing a handler relies on", () => {
    const fields = ["sa_handler"].map(
      (field) => `  printf("${field} %lld\\n", (long long)__builtin_offsetof(struct sigaction, ${field}));\n`,
    );
    const body = `  printf("size %lld\\n", (long long)sizeof(struct sigaction));\n${fields.join("")}`;
    const found = Object.fromEntries(runProgram("signal.h", body));
    assert.deepEqual(found, { size: 152, sa_handler: 0 });
  });

  it("leaves no struct unchecked", () => {
    const checked = [...Object.keys(KERNEL_TYPES), ...Object.keys(LIBC_TYPES), ...WITHOUT_HEADER];
    assert.deepEqual(checked.sort(), Object.keys(STRUCTS).sort());
  });
});

describe("the tables against the running kernel", () => {
  it("reads a directory through linux_dirent64", () => {
    const path = new TextEncoder().encode("/proc/self\0");
    const directory = syscall4(SYS.openat, LINUX.AT_FDCWD, addressOf(path), LINUX.O_DIRECTORY, 0);
    assert.ok(directory >= 0);
    const buffer = new Uint8Array(65536);
    const view = new DataView(buffer.buffer);
    const { d_reclen, d_name, d_type } = STRUCTS.linux_dirent64.fields;
    const names: string[] = [];
    for (;;) {
      const length = syscall3(SYS.getdents64, directory, addressOf(buffer), buffer.length);
      assert.ok(length >= 0);
      if (length === 0) break;
      for (let at = 0; at < length; at += view.getUint16(at + d_reclen.offset, true)) {
        const start = at + d_name.offset;
        names.push(new TextDecoder().decode(buffer.subarray(start, buffer.indexOf(0, start))));
        if (names.at(-1) === "fd") assert.equal(view.getUint8(at + d_type.offset), 4);
      }
    }
    syscall1(SYS.close, directory);
    assert.deepEqual(names.filter((name) => !/^\.\.?$/.test(name)).sort(), readdirSync("/proc/self").sort());
  });
});
