/**
 * Error numbers of WASI and how Linux's become them.
 *
 * Inside the shim a result is >= 0, or a negative number of WASI; functions that a program calls answer >= 0.
 */
import { Errno as Linux } from "../../sallyport/linux.js";

/** Names by number. `E` in front gives Linux's name, except for NOTSUP and NOTCAPABLE. */
const NAMES =
  `SUCCESS 2BIG ACCES ADDRINUSE ADDRNOTAVAIL AFNOSUPPORT AGAIN ALREADY BADF BADMSG BUSY CANCELED CHILD CONNABORTED
  CONNREFUSED CONNRESET DEADLK DESTADDRREQ DOM DQUOT EXIST FAULT FBIG HOSTUNREACH IDRM ILSEQ INPROGRESS INTR INVAL IO
  ISCONN ISDIR LOOP MFILE MLINK MSGSIZE MULTIHOP NAMETOOLONG NETDOWN NETRESET NETUNREACH NFILE NOBUFS NODEV NOENT NOEXEC
  NOLCK NOLINK NOMEM NOMSG NOPROTOOPT NOSPC NOSYS NOTCONN NOTDIR NOTEMPTY NOTRECOVERABLE NOTSOCK NOTSUP NOTTY NXIO
  OVERFLOW OWNERDEAD PERM PIPE PROTO PROTONOSUPPORT PROTOTYPE RANGE ROFS SPIPE SRCH STALE TIMEDOUT TXTBSY XDEV
  NOTCAPABLE`.split(/\s+/);

/** The error numbers the shim itself gives. */
export const Errno = {
  SUCCESS: 0,
  AGAIN: 6,
  BADF: 8,
  FAULT: 21,
  ILSEQ: 25,
  INVAL: 28,
  IO: 29,
  FBIG: 22,
  MFILE: 33,
  MSGSIZE: 35,
  NAMETOOLONG: 37,
  NOENT: 44,
  NOMEM: 48,
  NOTDIR: 54,
  NOTSOCK: 57,
  NOTSUP: 58,
  OVERFLOW: 61,
  PERM: 63,
  SPIPE: 70,
  NOTCAPABLE: 76,
} as const;

/** Linux names without a WASI number of their own. */
const SHARED: Readonly<Record<string, string>> = {
  EOPNOTSUPP: "NOTSUP",
  ESOCKTNOSUPPORT: "PROTONOSUPPORT",
  EPFNOSUPPORT: "AFNOSUPPORT",
  ESHUTDOWN: "PIPE",
  EHOSTDOWN: "HOSTUNREACH",
  EBADFD: "BADF",
};

/** WASI's number for each of Linux's; what WASI has no name for is IO. */
const BY_LINUX: Uint8Array = (() => {
  const table = new Uint8Array(4098).fill(Errno.IO);
  for (const [name, linux] of Object.entries(Linux)) {
    const number = NAMES.indexOf(SHARED[name] ?? name.slice(1));
    if (number > 0) table[linux] = number;
  }
  return table;
})();

/** WASI's number for each of Linux's, one byte for each. */
export function errnoTable(): Uint8Array {
  return BY_LINUX.slice();
}

/**
 * WASI's error number for a result of the engine.
 * @param result 0 or above: success; below: minus Linux's error number
 */
export function errnoOf(result: number): number {
  return result >= 0 ? Errno.SUCCESS : (BY_LINUX[-result] ?? Errno.IO);
}

/** Name of an error number, for people. */
export function errnoName(errno: number): string {
  return NAMES[errno] ?? `${errno}`;
}
