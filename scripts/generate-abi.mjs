// Writes src/kernel/generated/*.ts from a description of the Linux system call interface, for both architectures:
//
//   node scripts/generate-abi.mjs PATH_TO_LINUX_ABI_JSON
//
// The input is a JSON file with the keys `syscalls` ({name: {x86_64, arm64}}), `errno` ({number: {name, text}}),
// `errno_alias`, `constants` ({group: {name: value | {x86_64, arm64}}}) and `structs` ({name: {any | x86_64, arm64}},
// each {size, align, fields: {name: {offset, size, type}}}), measured from the Linux headers with a compiler. Only what
// Postern uses is written; to use more, add a name to the lists below and run this again. `npm test` compares the result
// with the headers of the machine.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SYSTEM_CALLS = `
  read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek sendfile splice tee vmsplice
  copy_file_range
  open openat openat2 creat close close_range dup dup2 dup3 fcntl flock ioctl pipe pipe2
  stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2 getdents64 getcwd chdir fchdir
  truncate ftruncate fallocate fadvise64 readahead fsync fdatasync sync syncfs sync_file_range
  mkdir mkdirat mknodat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat readlink
  readlinkat
  chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat umask utimensat
  getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr flistxattr removexattr fremovexattr
  poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
  eventfd eventfd2 timerfd_create timerfd_settime timerfd_gettime signalfd4 inotify_init1 inotify_add_watch
  inotify_rm_watch
  socket socketpair bind listen accept accept4 connect getsockname getpeername sendto recvfrom sendmsg recvmsg
  sendmmsg recvmmsg shutdown setsockopt getsockopt
  mmap munmap mprotect mremap msync madvise mincore mlock munlock brk memfd_create memfd_secret mseal userfaultfd
  clock_gettime clock_settime clock_getres clock_nanosleep nanosleep gettimeofday time times getitimer setitimer
  timer_create timer_settime timer_delete
  futex set_robust_list get_robust_list set_tid_address rseq membarrier sched_yield sched_getaffinity
  sched_setaffinity getcpu
  getpid getppid gettid getuid geteuid getgid getegid setuid setgid setgroups getgroups getresuid getresgid setsid
  getsid getpgid setpgid
  clone clone3 fork vfork execve execveat exit exit_group wait4 waitid kill tkill tgkill pidfd_open
  pidfd_send_signal pidfd_getfd ptrace process_vm_readv process_vm_writev
  rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_tgsigqueueinfo rt_sigsuspend
  rt_sigreturn sigaltstack pause alarm
  uname sysinfo getrusage getrlimit setrlimit prlimit64 getpriority setpriority getrandom
  prctl arch_prctl personality seccomp capget capset landlock_create_ruleset landlock_add_rule
  landlock_restrict_self unshare setns mount umount2 pivot_root chroot sethostname reboot
  open_tree move_mount fsopen fsconfig fsmount mount_setattr name_to_handle_at open_by_handle_at
  io_uring_setup io_uring_enter io_uring_register bpf
`;

const CONSTANTS = {
  open: "*",
  openat2: "*",
  at: "AT_FDCWD AT_SYMLINK_NOFOLLOW AT_REMOVEDIR AT_SYMLINK_FOLLOW AT_NO_AUTOMOUNT AT_EMPTY_PATH AT_EACCESS",
  statx: "STATX_BASIC_STATS STATX_BTIME STATX_MNT_ID",
  fcntl:
    "F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_DUPFD_CLOEXEC F_ADD_SEALS F_GET_SEALS F_SEAL_SEAL F_SEAL_SHRINK " +
    "F_SEAL_GROW F_SEAL_WRITE FD_CLOEXEC",
  mmap:
    "PROT_NONE PROT_READ PROT_WRITE PROT_EXEC MAP_SHARED MAP_PRIVATE MAP_FIXED MAP_ANONYMOUS MAP_NORESERVE " +
    "MAP_FIXED_NOREPLACE MREMAP_MAYMOVE MREMAP_FIXED MREMAP_DONTUNMAP MADV_DONTNEED",
  memfd: "MFD_CLOEXEC MFD_ALLOW_SEALING MFD_NOEXEC_SEAL",
  poll: "POLLIN POLLPRI POLLOUT POLLERR POLLHUP POLLNVAL POLLRDNORM POLLWRNORM POLLRDHUP",
  epoll: "EPOLL_CLOEXEC EPOLL_CTL_ADD EPOLL_CTL_DEL EPOLL_CTL_MOD EPOLLIN EPOLLOUT EPOLLERR EPOLLHUP",
  eventfd: "*",
  clock: "CLOCK_REALTIME CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID CLOCK_THREAD_CPUTIME_ID CLOCK_BOOTTIME TIMER_ABSTIME",
  signal: "SIGURG SIGKILL SIGTERM SA_RESTART SA_SIGINFO SIG_BLOCK SIG_UNBLOCK SIG_SETMASK SIG_DFL SIG_IGN SIGRTMAX",
  auxv: "AT_NULL AT_PAGESZ AT_SYSINFO_EHDR AT_MINSIGSTKSZ",
  seccomp:
    "SECCOMP_GET_ACTION_AVAIL SECCOMP_MODE_DISABLED SECCOMP_MODE_FILTER SECCOMP_RET_KILL_PROCESS SECCOMP_RET_ERRNO " +
    "SECCOMP_RET_USER_NOTIF SECCOMP_RET_ALLOW",
  prctl: "PR_GET_NO_NEW_PRIVS PR_GET_SECCOMP",
  landlock: "LANDLOCK_CREATE_RULESET_VERSION",
  kvm_ioctl: "KVM_GET_API_VERSION",
};

const STRUCTS = {
  file: "stat statx statx_timestamp linux_dirent64 open_how iovec",
  time: "timespec",
  event: "pollfd epoll_event",
  socket: "sockaddr sockaddr_in sockaddr_in6 sockaddr_un sockaddr_storage msghdr cmsghdr",
  process: "sigaction utsname rlimit64 winsize",
  elf: "elf64_ehdr elf64_phdr elf64_dyn elf64_sym",
};

const words = (text) => text.trim().split(/\s+/);
const input = process.argv[2];
if (input === undefined) {
  console.error("usage: node scripts/generate-abi.mjs PATH_TO_LINUX_ABI_JSON");
  process.exit(2);
}
const abi = JSON.parse(readFileSync(input, "utf8"));
const root = fileURLToPath(new URL("..", import.meta.url));

/** Text of a value of the description; big ones are strings of hex digits there. */
function literal(value) {
  return typeof value === "string" ? `${value}n` : String(value);
}

/** Splits name/value pairs into those equal on both machines and one list for each machine where they differ. */
function split(entries) {
  const lists = { both: [], x86_64: [], arm64: [] };
  for (const [name, value] of entries) {
    if (value === undefined) throw new Error(`${name}: not in the description`);
    if (value === null || typeof value !== "object") lists.both.push([name, value]);
    else {
      if (value.x86_64 !== null) lists.x86_64.push([name, value.x86_64]);
      if (value.arm64 !== null) lists.arm64.push([name, value.arm64]);
    }
  }
  return lists;
}

function systemCalls() {
  const both = [];
  const only = [];
  for (const name of words(SYSTEM_CALLS)) {
    const numbers = abi.syscalls[name];
    if (numbers === undefined) throw new Error(`${name}: no such system call in the description`);
    if (numbers.arm64 === null) only.push(`${name}: ${numbers.x86_64}`);
    else if (numbers.x86_64 === null) throw new Error(`${name}: exists on arm64 only, which is not provided for`);
    else both.push(`${name}: [${numbers.x86_64}, ${numbers.arm64}]`);
  }
  return `/** Calls that both architectures have: [x86-64 number, arm64 number]. */
export const COMMON_CALLS = { ${both.join(", ")} } as const satisfies Record<string, readonly [number, number]>;
/** Calls that only x86-64 has; arm64 has the *at, *2 or p* form instead. */
export const X86_64_CALLS = { ${only.join(", ")} } as const satisfies Record<string, number>;`;
}

function errors() {
  const rows = Object.entries(abi.errno)
    .filter(([number]) => Number(number) <= 4095)
    .map(([number, entry]) => `${number}: [${JSON.stringify(entry.name)}, ${JSON.stringify(entry.text)}]`);
  return `/** errno number: [name, what it means]. The numbers are the same on both architectures. */
export const ERRORS: { readonly [errno: number]: readonly [name: string, text: string] } = { ${rows.join(", ")} };`;
}

function constants() {
  const entries = Object.entries(CONSTANTS).flatMap(([group, names]) => {
    const all = abi.constants[group];
    return (names === "*" ? Object.keys(all) : words(names)).map((name) => [name, all[name]]);
  });
  const lists = split(entries);
  const object = (list) => `{ ${list.map(([name, value]) => `${name}: ${literal(value)}`).join(", ")} }`;
  return `/** Constants with the same value on both architectures. */
export const COMMON_CONSTANTS = ${object(lists.both)} as const;
/** Constants whose values differ, on x86-64. */
export const X86_64_CONSTANTS = ${object(lists.x86_64)} as const;
/** The same on arm64. */
export const ARM64_CONSTANTS = ${object(lists.arm64)} as const;`;
}

/** Padding, members of inner types, and what came to `statx` after Linux 6.1: fields that nobody here reads. */
const UNUSED_FIELD = /^_|pad\d*$|reserved|\[|\.|^stx_(subvol|atomic|dio_read)/;

/** One struct on one machine. */
function layout({ size, align, fields }) {
  const members = Object.entries(fields)
    .filter(([name]) => !UNUSED_FIELD.test(name))
    .map(([name, field]) => {
      // The x86-64 header declares the seconds of `stat` unsigned, the kernel stores them signed.
      const signed = /^i(8|16|32|64)$/.test(field.type) || /^st_[acm]time$/.test(name);
      return `${name}: { offset: ${field.offset}, size: ${field.size}, signed: ${signed} }`;
    });
  return `{ size: ${size}, align: ${align}, fields: { ${members.join(", ")} } }`;
}

function structs() {
  const common = [];
  const x86 = [];
  const arm = [];
  for (const name of Object.values(STRUCTS).flatMap(words)) {
    const struct = abi.structs[name];
    if (struct === undefined) throw new Error(`${name}: no such struct in the description`);
    if (struct.any) common.push(`${name}: ${layout(struct.any)}`);
    else {
      x86.push(`${name}: ${layout(struct.x86_64)}`);
      arm.push(`${name}: ${layout(struct.arm64)}`);
    }
  }
  return `/** Structs with the same layout on both architectures. Offsets and sizes in bytes. */
export const COMMON_STRUCTS = { ${common.join(", ")} } as const;
/** Structs whose layouts differ, on x86-64. */
export const X86_64_STRUCTS = { ${x86.join(", ")} } as const;
/** The same on arm64. */
export const ARM64_STRUCTS = { ${arm.join(", ")} } as const;`;
}

const parts = { "system-calls": systemCalls, errors, constants, structs };
const files = Object.entries(parts).map(([name, write]) => {
  const file = `${root}src/kernel/generated/${name}.ts`;
  writeFileSync(
    file,
    `// Made by scripts/generate-abi.mjs from values measured with a compiler on the Linux headers. Do not edit.\n${write()}\n`,
  );
  return file;
});
const biome = fileURLToPath(new URL("../node_modules/.bin/biome", import.meta.url));
const formatted = spawnSync(biome, ["check", "--write", ...files], { cwd: root, stdio: "inherit" });
process.exit(formatted.status ?? 1);
