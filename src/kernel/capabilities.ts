/**
 * What this machine can do, found out without changing anything: files read, harmless queries made. For `postern doctor`
 * and for backends that want to say what is missing before they try.
 */
import { accessSync, closeSync, constants, existsSync, openSync, readFileSync } from "node:fs";
import { addressOf } from "./address.js";
import { architecture } from "./architecture.js";
import { errnoName, errnoText } from "./errno.js";
import { STRUCTS } from "./layouts.js";
import { LINUX, SYS } from "./numbers.js";
import { syscall1, syscall2, syscall3, syscall4 } from "./syscall.js";
import { vdsoSymbol } from "./vdso.js";

/** One thing a machine may have. */
export interface Capability {
  /** Whether it can be used by this process, now. */
  readonly present: boolean;
  /** What was found: a version, a number, or the reason why it is absent. */
  readonly detail: string;
  /** What a person can do to have it, where somebody can do something. */
  readonly fix?: string;
}

const EOPNOTSUPP = 95;
const KVM_API_VERSION = 12;
const VDSO_SGX = "__vdso_sgx_enter_enclave";

const present = (detail: string): Capability => ({ present: true, detail });
const absent = (detail: string, fix?: string): Capability =>
  fix === undefined ? { present: false, detail } : { present: false, detail, fix };
const reason = (result: number) => `${errnoText(result)} (${errnoName(result)})`;
/** What system calls read and write here; a module constant, so that its address stays good. */
const scratch = new ArrayBuffer(1024);
const scratchAddress = addressOf(new Uint8Array(scratch));
const TEXT_OFFSET = 512;

/** Puts a short text with a final zero into the scratch memory. @returns its address */
function putText(text: string): number {
  new Uint8Array(scratch, TEXT_OFFSET).set(new TextEncoder().encode(`${text}\0`));
  return scratchAddress + TEXT_OFFSET;
}

/** Contents of a small file of /proc or /sys, or `null` where it cannot be read. */
function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

/** Whether this process may open a device for reading and writing, without opening it. */
function device(path: string, missing: string, fix: string): Capability {
  if (!existsSync(path)) return absent(`${path} does not exist: ${missing}`, fix);
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return present(`${path} can be opened`);
  } catch {
    return absent(`${path}: permission denied`, `Give your user access, for instance through the group of ${path}.`);
  }
}

/** The kernel's name, release and machine. */
export function kernelRelease(): Capability {
  const { size, fields } = STRUCTS.utsname;
  const buffer = new Uint8Array(scratch, 0, size);
  const result = syscall1(SYS.uname, scratchAddress);
  if (result < 0) return absent(reason(result));
  const field = (name: keyof typeof fields) => {
    const bytes = buffer.subarray(fields[name].offset, fields[name].offset + fields[name].size);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  };
  return present(`${field("sysname")} ${field("release")} ${field("machine")}`);
}

/** openat2, which resolves paths inside of a directory (Linux 5.6). A seccomp filter may forbid it. */
export function openat2(): Capability {
  const { size, fields } = STRUCTS.open_how;
  const how = new BigUint64Array(scratch, 0, size / 8).fill(0n);
  how[fields.flags.offset / 8] = BigInt(LINUX.O_PATH | LINUX.O_DIRECTORY | LINUX.O_CLOEXEC);
  how[fields.resolve.offset / 8] = BigInt(LINUX.RESOLVE_NO_MAGICLINKS | LINUX.RESOLVE_BENEATH);
  const result = syscall4(SYS.openat2, LINUX.AT_FDCWD, putText("."), scratchAddress, size);
  if (result < 0)
    return absent(reason(result), "Use Linux 5.6 or later, and allow openat2 in the container's seccomp profile.");
  syscall1(SYS.close, result);
  return present("opens paths beneath a directory");
}

/** Landlock, which takes the file system and the network from a thread (Linux 5.13). */
export function landlock(): Capability {
  const result = syscall3(SYS.landlock_create_ruleset, 0, 0, LINUX.LANDLOCK_CREATE_RULESET_VERSION);
  if (result > 0) return present(`ABI version ${result}`);
  if (result === -EOPNOTSUPP)
    return absent("built in, but not enabled", 'Add "landlock" to the kernel parameter lsm=.');
  return absent(reason(result), "Use Linux 5.13 or later, built with CONFIG_SECURITY_LANDLOCK.");
}

/** seccomp filters with the actions a jail needs (Linux 4.14). */
export function seccomp(): Capability {
  const action = new Uint32Array(scratch, 0, 1);
  for (const name of ["SECCOMP_RET_KILL_PROCESS", "SECCOMP_RET_ERRNO"] as const) {
    action[0] = LINUX[name];
    const result = syscall3(SYS.seccomp, LINUX.SECCOMP_GET_ACTION_AVAIL, 0, scratchAddress);
    if (result < 0)
      return absent(`${name}: ${reason(result)}`, "Use Linux 4.14 or later, built with CONFIG_SECCOMP_FILTER.");
  }
  const mode = /^Seccomp:\s*(\d)/m.exec(readText("/proc/self/status") ?? "")?.[1];
  return present(mode === "2" ? "filters available; this process is under one already" : "filters available");
}

/** User namespaces for those without privileges. Read from the limits, none is made: a security module may still refuse. */
export function userNamespaces(): Capability {
  const fix = "Ask the administrator for sysctl user.max_user_namespaces and kernel.unprivileged_userns_clone.";
  const limit = readText("/proc/sys/user/max_user_namespaces");
  if (limit === null) return absent("the kernel has none", "Use a kernel built with CONFIG_USER_NS.");
  if (Number(limit) === 0) return absent("user.max_user_namespaces is 0", fix);
  if (readText("/proc/sys/kernel/unprivileged_userns_clone")?.trim() === "0") {
    return absent("kernel.unprivileged_userns_clone is 0", fix);
  }
  const restricted = readText("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")?.trim() === "1";
  return present(`up to ${limit.trim()}${restricted ? ", restricted by AppArmor for programs without a profile" : ""}`);
}

/** /dev/kvm with the one stable interface version. */
export function kvm(): Capability {
  const path = "/dev/kvm";
  const access = device(path, "no virtualisation, or its module is not loaded", "Load kvm_intel or kvm_amd.");
  if (!access.present) return access;
  let descriptor: number;
  try {
    descriptor = openSync(path, "r+");
  } catch (error) {
    return absent(
      `${path}: ${(error as Error).message}`,
      "Enable virtualisation in the firmware, and load the module.",
    );
  }
  try {
    const version = syscall3(SYS.ioctl, descriptor, LINUX.KVM_GET_API_VERSION, 0);
    if (version === KVM_API_VERSION) return present(`API version ${version}`);
    return absent(version < 0 ? reason(version) : `API version ${version}, but ${KVM_API_VERSION} is the stable one`);
  } finally {
    closeSync(descriptor);
  }
}

/** Whether the processor's flags name SGX. */
function hasSgxFlag(): boolean {
  return /^flags\s*:.*\bsgx\b/m.test(readText("/proc/cpuinfo") ?? "");
}

/** SGX enclaves: the processor, the driver's device, and the vDSO's entry function (Linux 5.11). */
export function sgx(): Capability {
  const missing: string[] = [];
  if (architecture !== "x86_64") return absent("SGX exists on x86-64 only");
  if (!hasSgxFlag()) missing.push("the processor flag sgx");
  const access = device("/dev/sgx_enclave", "no driver", "Enable SGX in the firmware and use Linux 5.11 or later.");
  if (!access.present) missing.push(access.detail);
  if (vdsoSymbol(VDSO_SGX) === null) missing.push(`${VDSO_SGX} in the vDSO`);
  if (missing.length === 0) return present("processor, /dev/sgx_enclave and vDSO entry are there");
  return absent(
    `missing: ${missing.join(", ")}`,
    access.fix ?? "Enable SGX in the firmware and use Linux 5.11 or later.",
  );
}

/** AWS Nitro Enclaves, seen from the parent instance. */
export function nitroEnclaves(): Capability {
  return device(
    "/dev/nitro_enclaves",
    "not a parent instance, or its module is not loaded",
    "Start an instance with enclaves enabled, and load the module nitro_enclaves.",
  );
}

/** The vsock device. Only looked at, never opened: its address family may serve whoever runs this machine. */
export function vsock(): Capability {
  if (existsSync("/dev/vsock")) return present("/dev/vsock exists");
  return absent("/dev/vsock does not exist", "Load the module vsock, or use UNIX sockets.");
}

/** Huge pages set aside, as Nitro enclaves need them. */
export function hugePages(): Capability {
  const text = readText("/proc/meminfo") ?? "";
  const number = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text)?.[1] ?? Number.NaN);
  const [total, free, size] = [number("HugePages_Total"), number("HugePages_Free"), number("Hugepagesize")];
  if (Number.isNaN(total))
    return absent("/proc/meminfo tells nothing about huge pages", "Use a kernel with CONFIG_HUGETLBFS.");
  const detail = `${free} of ${total} free, ${size} KiB each`;
  if (free > 0) return present(detail);
  return absent(detail, "Set some aside: sysctl vm.nr_hugepages=NUMBER.");
}

/** Memory files with seals, which share a block between processes (Linux 3.17). */
export function memoryFiles(): Capability {
  const result = syscall2(SYS.memfd_create, putText("postern-probe"), LINUX.MFD_CLOEXEC | LINUX.MFD_ALLOW_SEALING);
  if (result < 0)
    return absent(`memfd_create: ${reason(result)}`, "Allow memfd_create in the container's seccomp profile.");
  try {
    const sealed = syscall3(SYS.fcntl, result, LINUX.F_ADD_SEALS, LINUX.F_SEAL_SHRINK);
    return sealed === 0 ? present("with seals") : absent(`seals: ${reason(sealed)}`);
  } finally {
    syscall1(SYS.close, result);
  }
}

/** Every probe by name, in the order in which a report shows them. */
export const PROBES = {
  kernel: kernelRelease,
  openat2,
  landlock,
  seccomp,
  "user namespaces": userNamespaces,
  "memory files": memoryFiles,
  "huge pages": hugePages,
  kvm,
  sgx,
  "nitro enclaves": nitroEnclaves,
  vsock,
} as const satisfies { readonly [name: string]: () => Capability };

/** Runs all probes. */
export function probeMachine(): { readonly [name in keyof typeof PROBES]: Capability } {
  const entries = Object.entries(PROBES).map(([name, probe]) => [name, probe()]);
  return Object.fromEntries(entries);
}
