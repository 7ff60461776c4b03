/**
 * The table of calls: each one described once.
 *
 * The calls of sallyport 0.7.1 stand as that protocol has them (argument order, order of data, types; section 7 to 9 of
 * its description). What programs need besides is marked `extension`: Linux's own argument order, with offsets for
 * pointers and x86-64's numbers.
 */
import {
  type ArgumentsOf,
  addressOut,
  type Call,
  type CallOptions,
  Collect,
  Direction,
  descriptor,
  inout,
  input,
  int,
  optional,
  output,
  type Parameter,
  Plan,
  path,
  pieces,
  Result,
  Right,
  record,
  records,
  unsigned,
  word,
} from "./call.js";
import { Kind } from "./constants.js";
import * as names from "./names.js";

const { IN, OUT, INOUT } = Direction;
const { READ, WRITE, CHANGE, LOOKUP } = Right;

/** Makes the description of a call; each kind of call has one. */
function describer(kind: Kind) {
  return <const N extends string, const P extends readonly Parameter[]>(
    name: N,
    number: number,
    parameters: P,
    slots: string,
    result: number,
    options: CallOptions = {},
  ): Call<P> & { readonly name: N } => ({ ...options, name, kind, number, parameters, slots, result });
}

const syscall = describer(Kind.SYSCALL);
const gdbcall = describer(Kind.GDBCALL);
const enarxcall = describer(Kind.ENARXCALL);

const MAX = { shrinks: true };
const ALIGNED = { align: 8 };
/** struct timespec: seconds, nanoseconds; 64 bits each. */
const timespec = (name: string, direction: number, collect: number = Collect.SUCCESS) =>
  record(name, direction, 16, 8, collect);
/** struct pollfd in a row: descriptor, events wanted; what happened, at 6, is the host's. */
const pollfds = (name: string) => records(name, INOUT, 8, 4, 6);
const extension = { extension: true };

/** System calls, as sallyport has them. */
const SYSCALLS = [
  syscall("read", 0, [descriptor("fd", READ), output("buf", MAX)], "fd buf buf.length", Result.SIZE, { limit: "buf" }),
  syscall("readv", 0, [descriptor("fd", READ), pieces("iovs", OUT)], "fd iovs iovs.length", Result.SIZE, {
    limit: "iovs",
    kernel: "read",
  }),
  syscall("write", 1, [descriptor("fd", WRITE), input("buf", MAX)], "fd buf buf.length", Result.SIZE, {
    limit: "buf",
    writes: "buf",
  }),
  syscall("writev", 1, [descriptor("fd", WRITE), pieces("iovs", IN)], "fd iovs iovs.length", Result.SIZE, {
    limit: "iovs",
    writes: "iovs",
    kernel: "write",
  }),
  syscall(
    "open",
    2,
    [input("pathname"), int("flags", names.openFlags), int("mode", names.octal)],
    "pathname pathname.length flags mode",
    Result.INT,
    { native: "pathname flags mode", host: "open", creates: true },
  ),
  syscall("close", 3, [descriptor("fd")], "fd", Result.UNIT, { host: "close" }),
  syscall("poll", 7, [pollfds("fds"), int("timeout")], "fds fds.count timeout", Result.INT, {
    limit: "fds",
    host: "poll",
  }),
  syscall(
    "ioctl",
    16,
    [
      descriptor("fd"),
      int("request", names.ioctlRequest),
      optional(inout("argp", { collect: Collect.ALWAYS, absentLengthZero: true })),
    ],
    "fd request argp argp.length",
    Result.INT,
    { native: "fd request argp", host: "ioctl" },
  ),
  syscall("dup", 32, [descriptor("oldfd")], "oldfd", Result.UNIT, {
    ownResult: Result.INT,
    host: "dup",
    creates: true,
  }),
  syscall("dup2", 33, [descriptor("oldfd"), int("newfd")], "oldfd newfd", Result.UNIT, {
    ownResult: Result.INT,
    host: "dup2",
    creates: true,
  }),
  syscall(
    "nanosleep",
    35,
    [timespec("req", IN), optional(timespec("rem", INOUT, Collect.INTERRUPTED))],
    "req rem",
    Result.UNIT,
    { host: "nanosleep" },
  ),
  syscall(
    "socket",
    41,
    [int("domain", names.socketDomain), int("type", names.socketType), int("protocol")],
    "domain type protocol",
    Result.INT,
    { host: "socket", creates: true },
  ),
  syscall("connect", 42, [descriptor("sockfd"), input("addr", ALIGNED)], "sockfd addr addr.length", Result.UNIT, {
    host: "connect",
  }),
  syscall(
    "accept",
    43,
    [descriptor("sockfd", READ), optional(addressOut("addr", Collect.ALWAYS))],
    "sockfd addr addr.length",
    Result.INT,
    { host: "accept", creates: true },
  ),
  syscall(
    "sendto",
    44,
    [descriptor("sockfd", WRITE), input("buf", MAX), int("flags", names.messageFlags), input("dest_addr", ALIGNED)],
    "sockfd buf buf.length flags dest_addr dest_addr.length",
    Result.SIZE,
    { allocate: "dest_addr buf", limit: "buf", writes: "buf", host: "sendto" },
  ),
  syscall(
    "send",
    44,
    [descriptor("sockfd", WRITE), input("buf", MAX), int("flags", names.messageFlags)],
    "sockfd buf buf.length flags",
    Result.SIZE,
    { limit: "buf", writes: "buf", kernel: "sendto", host: "sendto" },
  ),
  syscall(
    "recvfrom",
    45,
    [
      descriptor("sockfd", READ),
      output("buf", MAX),
      int("flags", names.messageFlags),
      addressOut("src_addr", Collect.SUCCESS),
    ],
    "sockfd buf buf.length flags src_addr src_addr.length",
    Result.SIZE,
    { allocate: "src_addr buf", limit: "buf", host: "recvfrom" },
  ),
  syscall(
    "recv",
    45,
    [descriptor("sockfd", READ), output("buf", MAX), int("flags", names.messageFlags)],
    "sockfd buf buf.length flags",
    Result.SIZE,
    { limit: "buf", kernel: "recvfrom", host: "recvfrom" },
  ),
  syscall("bind", 49, [descriptor("sockfd"), input("addr", ALIGNED)], "sockfd addr addr.length", Result.UNIT, {
    host: "bind",
  }),
  syscall("listen", 50, [descriptor("sockfd"), int("backlog")], "sockfd backlog", Result.UNIT),
  syscall(
    "getsockname",
    51,
    [descriptor("sockfd"), addressOut("addr", Collect.ALWAYS)],
    "sockfd addr addr.length",
    Result.UNIT,
    { host: "getsockname" },
  ),
  syscall(
    "setsockopt",
    54,
    [
      descriptor("sockfd"),
      int("level"),
      int("optname"),
      optional(input("optval", { ...ALIGNED, absentLengthZero: true })),
    ],
    "sockfd level optname optval optval.length",
    Result.INT,
    { host: "setsockopt" },
  ),
  syscall("exit", 60, [int("status")], "status", Result.UNIT, { final: true, host: "exit" }),
  syscall("fcntl", 72, [descriptor("fd"), int("cmd", names.fcntlCommand), int("arg")], "fd cmd arg", Result.INT, {
    host: "fcntl",
  }),
  syscall("sync", 162, [], "", Result.UNIT, { host: "sync" }),
  syscall("clock_gettime", 228, [int("clockid", names.clock), timespec("tp", OUT)], "clockid tp", Result.UNIT, {
    host: "clock_gettime",
  }),
  syscall(
    "clock_getres",
    229,
    [int("clockid", names.clock), optional(timespec("res", OUT))],
    "clockid res",
    Result.UNIT,
    { host: "clock_getres" },
  ),
  syscall("exit_group", 231, [int("status")], "status", Result.UNIT, { final: true, host: "exit_group" }),
  syscall(
    "epoll_wait",
    232,
    [descriptor("epfd"), records("events", OUT, 16, 8), int("timeout")],
    "epfd events events.count timeout",
    Result.INT,
    { limit: "events", host: "epoll_wait" },
  ),
  syscall(
    "epoll_ctl",
    233,
    [descriptor("epfd"), int("op", names.epollOperation), descriptor("fd"), record("event", IN, 16, 8)],
    "epfd op fd event",
    Result.UNIT,
    { host: "epoll_ctl" },
  ),
  syscall(
    "epoll_pwait",
    281,
    [descriptor("epfd"), records("events", OUT, 16, 8), int("timeout"), record("sigmask", IN, 128, 8)],
    "epfd events events.count timeout sigmask",
    Result.INT,
    { limit: "events", host: "epoll_wait" },
  ),
  syscall(
    "accept4",
    288,
    [descriptor("sockfd", READ), optional(addressOut("addr", Collect.ALWAYS)), int("flags", names.socketType)],
    "sockfd addr addr.length flags",
    Result.INT,
    { host: "accept", creates: true },
  ),
  syscall("eventfd2", 290, [int("initval"), int("flags", names.openFlags)], "initval flags", Result.INT, {
    host: "eventfd2",
    creates: true,
  }),
  syscall("epoll_create1", 291, [int("flags", names.openFlags)], "flags", Result.INT, {
    host: "epoll_create1",
    creates: true,
  }),
  syscall(
    "dup3",
    292,
    [descriptor("oldfd"), int("newfd"), int("flags", names.openFlags)],
    "oldfd newfd flags",
    Result.UNIT,
    { ownResult: Result.INT, host: "dup3", creates: true },
  ),
] as const;

/** System calls of ours: Linux's argument order, an offset for each pointer. */
const EXTENSIONS = [
  syscall(
    "lseek",
    8,
    [descriptor("fd"), word("offset"), int("whence", names.whence)],
    "fd offset whence",
    Result.WORD,
    {
      ...extension,
      host: "lseek",
    },
  ),
  syscall(
    "pread64",
    17,
    [descriptor("fd", READ), output("buf", MAX), word("offset")],
    "fd buf buf.length offset",
    Result.SIZE,
    { ...extension, limit: "buf" },
  ),
  syscall(
    "pwrite64",
    18,
    [descriptor("fd", WRITE), input("buf", MAX), word("offset")],
    "fd buf buf.length offset",
    Result.SIZE,
    { ...extension, limit: "buf", writes: "buf" },
  ),
  syscall("sched_yield", 24, [], "", Result.UNIT, extension),
  syscall(
    "recvmsg",
    47,
    [descriptor("sockfd", READ), output("buf", MAX), int("flags", names.messageFlags), record("msg_flags", OUT, 4, 4)],
    "sockfd buf buf.length flags msg_flags",
    Result.SIZE,
    { ...extension, allocate: "msg_flags buf", limit: "buf", host: "recvmsg" },
  ),
  syscall("shutdown", 48, [descriptor("sockfd"), int("how", names.shutdownHow)], "sockfd how", Result.UNIT, extension),
  syscall("fsync", 74, [descriptor("fd")], "fd", Result.UNIT, extension),
  syscall("fdatasync", 75, [descriptor("fd")], "fd", Result.UNIT, extension),
  syscall("ftruncate", 77, [descriptor("fd", WRITE), word("length")], "fd length", Result.UNIT, {
    ...extension,
    host: "ftruncate",
  }),
  syscall("getdents64", 217, [descriptor("fd", READ), output("dirp", MAX)], "fd dirp dirp.length", Result.SIZE, {
    ...extension,
    limit: "dirp",
  }),
  syscall(
    "fadvise64",
    221,
    [descriptor("fd"), word("offset"), word("len"), int("advice")],
    "fd offset len advice",
    Result.UNIT,
    extension,
  ),
  syscall(
    "openat2",
    437,
    [descriptor("dirfd", LOOKUP), path("pathname"), record("how", IN, 24, 8), optional(record("mode", OUT, 4, 4))],
    "dirfd pathname how mode",
    Result.INT,
    { ...extension, allocate: "how mode pathname", host: "openat2", creates: true },
  ),
  syscall(
    "mkdirat",
    258,
    [descriptor("dirfd", LOOKUP | CHANGE), path("pathname"), int("mode", names.octal)],
    "dirfd pathname mode",
    Result.UNIT,
    { ...extension, host: "mkdirat" },
  ),
  syscall(
    "unlinkat",
    263,
    [descriptor("dirfd", LOOKUP | CHANGE), path("pathname"), int("flags", names.unlinkFlags)],
    "dirfd pathname flags",
    Result.UNIT,
    { ...extension, host: "unlinkat" },
  ),
  syscall(
    "linkat",
    265,
    [
      descriptor("olddirfd", LOOKUP | CHANGE),
      path("oldpath"),
      descriptor("newdirfd", LOOKUP | CHANGE),
      path("newpath"),
      int("flags", names.atFlags),
    ],
    "olddirfd oldpath newdirfd newpath flags",
    Result.UNIT,
    { ...extension, host: "linkat" },
  ),
  syscall(
    "symlinkat",
    266,
    [path("target"), descriptor("newdirfd", LOOKUP | CHANGE), path("linkpath")],
    "target newdirfd linkpath",
    Result.UNIT,
    { ...extension, host: "symlinkat" },
  ),
  syscall(
    "readlinkat",
    267,
    [descriptor("dirfd", LOOKUP), path("pathname"), output("buf")],
    "dirfd pathname buf buf.length",
    Result.SIZE,
    { ...extension, allocate: "buf pathname", limit: "buf", host: "readlinkat" },
  ),
  syscall("ppoll", 271, [pollfds("fds"), optional(timespec("timeout", IN))], "fds fds.count timeout", Result.INT, {
    ...extension,
    limit: "fds",
    host: "ppoll",
  }),
  syscall(
    "utimensat",
    280,
    [descriptor("dirfd", CHANGE), optional(path("pathname")), record("times", IN, 32, 8), int("flags", names.atFlags)],
    "dirfd pathname times flags",
    Result.UNIT,
    { ...extension, allocate: "times pathname", host: "utimensat" },
  ),
  syscall(
    "fallocate",
    285,
    [descriptor("fd", WRITE), int("mode"), word("offset"), word("len")],
    "fd mode offset len",
    Result.UNIT,
    { ...extension, host: "fallocate" },
  ),
  syscall("pipe2", 293, [record("pipefd", OUT, 8, 4), int("flags", names.openFlags)], "pipefd flags", Result.UNIT, {
    ...extension,
    host: "pipe2",
    creates: true,
  }),
  syscall(
    "renameat2",
    316,
    [
      descriptor("olddirfd", LOOKUP | CHANGE),
      path("oldpath"),
      descriptor("newdirfd", LOOKUP | CHANGE),
      path("newpath"),
      unsigned("flags"),
    ],
    "olddirfd oldpath newdirfd newpath flags",
    Result.UNIT,
    { ...extension, host: "renameat2" },
  ),
  syscall(
    "getrandom",
    318,
    [output("buf", MAX), unsigned("flags", names.randomFlags)],
    "buf buf.length flags",
    Result.SIZE,
    { ...extension, limit: "buf" },
  ),
  syscall("memfd_create", 319, [path("name"), unsigned("flags")], "name flags", Result.INT, {
    ...extension,
    host: "memfd_create",
    creates: true,
  }),
  syscall(
    "statx",
    332,
    [
      descriptor("dirfd"),
      optional(path("pathname")),
      int("flags", names.atFlags),
      unsigned("mask"),
      record("statxbuf", OUT, 256, 8),
    ],
    "dirfd pathname flags mask statxbuf",
    Result.UNIT,
    { ...extension, allocate: "statxbuf pathname", host: "statx" },
  ),
] as const;

/** Calls to a debugger that the host serves. */
const GDBCALLS = [
  gdbcall("gdb_write", 0, [unsigned("byte")], "byte", Result.UNIT),
  gdbcall("gdb_write_all", 1, [input("buf", MAX)], "buf buf.length", Result.SIZE, { limit: "buf" }),
  gdbcall("gdb_flush", 2, [], "", Result.UNIT),
  gdbcall("gdb_on_session_start", 3, [], "", Result.UNIT),
  gdbcall("gdb_read", 4, [], "", Result.BYTE),
  gdbcall("gdb_peek", 5, [], "", Result.OPTIONAL_BYTE),
] as const;

/** Calls for what only the loader of a keep can do. */
const ENARXCALLS = [
  enarxcall("mem_info", 0x00, [], "", Result.WORD),
  enarxcall(
    "balloon_memory",
    0x01,
    [word("size_exponent"), word("pages"), word("addr", names.hexadecimal), unsigned("is_private")],
    "size_exponent pages addr is_private",
    Result.WORD,
  ),
  enarxcall(
    "cpuid",
    0x02,
    [unsigned("leaf", names.hexadecimal), unsigned("sub_leaf"), record("result", OUT, 16, 4)],
    "leaf sub_leaf result",
    Result.UNIT,
  ),
  enarxcall(
    "get_sgx_quote",
    0x03,
    [record("report", IN, 512, 1), output("quote")],
    "report quote quote.length",
    Result.SIZE,
    { limit: "quote" },
  ),
  enarxcall("get_sgx_target_info", 0x04, [record("info", OUT, 512, 1)], "info", Result.UNIT),
  enarxcall("get_sgx_quote_size", 0x05, [], "", Result.WORD),
  enarxcall("get_snp_vcek", 0x06, [output("vcek")], "vcek vcek.length", Result.SIZE, { limit: "vcek" }),
  enarxcall(
    "mmap_host",
    0x07,
    [word("addr", names.hexadecimal), word("length"), int("prot", names.protection)],
    "addr length prot",
    Result.UNIT,
  ),
  enarxcall(
    "mprotect_host",
    0x08,
    [word("addr", names.hexadecimal), word("length"), int("prot", names.protection)],
    "addr length prot",
    Result.UNIT,
  ),
  enarxcall("munmap_host", 0x09, [word("addr", names.hexadecimal), word("length")], "addr length", Result.UNIT),
  enarxcall(
    "modify_sgx_page_type",
    0x10,
    [word("addr", names.hexadecimal), word("length"), unsigned("page_type")],
    "addr length page_type",
    Result.UNIT,
  ),
  enarxcall("park", 0x11, [int("expected"), optional(timespec("timeout", IN))], "expected timeout", Result.TRUNCATED),
  enarxcall("unpark", 0x12, [], "", Result.UNIT),
  enarxcall("spawn", 0x13, [word("addr", names.hexadecimal)], "addr", Result.UNIT),
  enarxcall("new_sallyport", 0x14, [word("addr", names.hexadecimal), word("index")], "addr index", Result.UNIT),
] as const;

const ALL = [...SYSCALLS, ...EXTENSIONS, ...GDBCALLS, ...ENARXCALLS] as const;

type All = (typeof ALL)[number];

/** Name of a described call. */
export type CallName = All["name"];
/** What a caller passes to the call of that name. */
export type CallArguments<N extends CallName> = ArgumentsOf<Extract<All, { readonly name: N }>["parameters"]>;

/** The plan of each call, by name. */
export const plans = Object.freeze(Object.fromEntries(ALL.map((call) => [call.name, new Plan(call)]))) as Readonly<
  Record<CallName, Plan>
>;

/** Plans of one kind by number, for the host; where two calls share a number, the one with more slots. */
export function plansByNumber(kind: Kind): ReadonlyArray<Plan | undefined> {
  const byNumber: Array<Plan | undefined> = [];
  for (const plan of Object.values(plans)) {
    if (plan.kind !== kind) continue;
    const other = byNumber[plan.number];
    if (other === undefined || plan.slotCount > other.slotCount) byNumber[plan.number] = plan;
  }
  return byNumber;
}
