/**
 * WASI preview 1 as data: structures with their offsets, enumerations, flags and rights. Offsets and sizes are bytes,
 * all values little endian.
 *
 * Source: the WASI 0.1 witx files and the application ABI.
 */

/** struct iovec and ciovec: address u32, length u32. */
export const IOVEC_BYTES = 8;
/** struct prestat: tag u8, length of the name u32. */
export const Prestat = { BYTES: 8, TAG: 0, NAME_LENGTH: 4 } as const;
/** struct fdstat. */
export const Fdstat = { BYTES: 24, FILETYPE: 0, FLAGS: 2, RIGHTS_BASE: 8, RIGHTS_INHERITING: 16 } as const;
/** struct dirent; the name follows, without a zero byte and without padding. */
export const Dirent = { BYTES: 24, NEXT: 0, INODE: 8, NAME_LENGTH: 16, TYPE: 20 } as const;
/** struct event. */
export const Event = { BYTES: 32, USERDATA: 0, ERROR: 8, TYPE: 10, NBYTES: 16, FLAGS: 24 } as const;

/** What differs between the generations of WASI: two structures and the values of whence. */
export interface Layout {
  readonly filestat: {
    readonly bytes: number;
    readonly links: number;
    readonly size: number;
    readonly accessed: number;
    readonly modified: number;
    readonly changed: number;
  };
  readonly subscription: {
    readonly bytes: number;
    readonly clock: number;
    readonly timeout: number;
    readonly flags: number;
  };
  /** Linux's whence for each of WASI's. */
  readonly whence: readonly number[];
}

/** `wasi_snapshot_preview1`. */
export const PREVIEW1: Layout = {
  filestat: { bytes: 64, links: 24, size: 32, accessed: 40, modified: 48, changed: 56 },
  subscription: { bytes: 48, clock: 16, timeout: 24, flags: 40 },
  whence: [0, 1, 2],
};

/** `wasi_unstable`: whence is cur, end, set. */
export const UNSTABLE: Layout = {
  filestat: { bytes: 56, links: 20, size: 24, accessed: 32, modified: 40, changed: 48 },
  subscription: { bytes: 56, clock: 24, timeout: 32, flags: 48 },
  whence: [1, 2, 0],
};

/** Fields of filestat that both generations have at the same place. */
export const Filestat = { DEVICE: 0, INODE: 8, FILETYPE: 16 } as const;
/** Fields of subscription that both generations have at the same place. */
export const Subscription = { USERDATA: 0, TAG: 8, DESCRIPTOR: 16 } as const;

export const Filetype = {
  UNKNOWN: 0,
  BLOCK_DEVICE: 1,
  CHARACTER_DEVICE: 2,
  DIRECTORY: 3,
  REGULAR_FILE: 4,
  SOCKET_DGRAM: 5,
  SOCKET_STREAM: 6,
  SYMBOLIC_LINK: 7,
} as const;

export const Clock = { REALTIME: 0, MONOTONIC: 1, PROCESS_CPUTIME: 2, THREAD_CPUTIME: 3 } as const;
export const Fdflags = { APPEND: 1, DSYNC: 2, NONBLOCK: 4, RSYNC: 8, SYNC: 16, ALL: 31 } as const;
export const Oflags = { CREAT: 1, DIRECTORY: 2, EXCL: 4, TRUNC: 8, ALL: 15 } as const;
export const Lookupflags = { SYMLINK_FOLLOW: 1, ALL: 1 } as const;
export const Fstflags = { ATIM: 1, ATIM_NOW: 2, MTIM: 4, MTIM_NOW: 8, ALL: 15 } as const;
export const Eventtype = { CLOCK: 0, FD_READ: 1, FD_WRITE: 2 } as const;
export const Eventrwflags = { HANGUP: 1 } as const;
export const Subclockflags = { ABSTIME: 1, ALL: 1 } as const;
export const Riflags = { RECV_PEEK: 1, RECV_WAITALL: 2, ALL: 3 } as const;
export const Roflags = { DATA_TRUNCATED: 1 } as const;
export const Sdflags = { RD: 1, WR: 2, ALL: 3 } as const;
/** Highest signal number, sys. */
export const SIGNAL_MAX = 30;
/** Linux's advice for each of WASI's: sequential and random change places. */
export const ADVICE: readonly number[] = [0, 2, 1, 3, 4, 5];

/** Rights; all fit in the low 30 bits of their 64. */
export const Right = {
  FD_DATASYNC: 1 << 0,
  FD_READ: 1 << 1,
  FD_SEEK: 1 << 2,
  FD_FDSTAT_SET_FLAGS: 1 << 3,
  FD_SYNC: 1 << 4,
  FD_TELL: 1 << 5,
  FD_WRITE: 1 << 6,
  FD_ADVISE: 1 << 7,
  FD_ALLOCATE: 1 << 8,
  PATH_CREATE_DIRECTORY: 1 << 9,
  PATH_CREATE_FILE: 1 << 10,
  PATH_LINK_SOURCE: 1 << 11,
  PATH_LINK_TARGET: 1 << 12,
  PATH_OPEN: 1 << 13,
  FD_READDIR: 1 << 14,
  PATH_READLINK: 1 << 15,
  PATH_RENAME_SOURCE: 1 << 16,
  PATH_RENAME_TARGET: 1 << 17,
  PATH_FILESTAT_GET: 1 << 18,
  PATH_FILESTAT_SET_SIZE: 1 << 19,
  PATH_FILESTAT_SET_TIMES: 1 << 20,
  FD_FILESTAT_GET: 1 << 21,
  FD_FILESTAT_SET_SIZE: 1 << 22,
  FD_FILESTAT_SET_TIMES: 1 << 23,
  PATH_SYMLINK: 1 << 24,
  PATH_REMOVE_DIRECTORY: 1 << 25,
  PATH_UNLINK_FILE: 1 << 26,
  POLL_FD_READWRITE: 1 << 27,
  SOCK_SHUTDOWN: 1 << 28,
  SOCK_ACCEPT: 1 << 29,
} as const;

/** Every right there is. Bits above are ignored. */
export const RIGHTS_ALL = 0x3fffffff;
/** What a directory reports: bits 9 to 18, 20, 21, 23 to 26. */
export const RIGHTS_DIRECTORY = 0x7b7fe00;
/** What a directory hands on: all but 19, 28 and 29. */
export const RIGHTS_DIRECTORY_INHERITING = 0xff7ffff;
/** What a file reports: bits 0 to 8, 21 to 23, 27. */
export const RIGHTS_FILE = 0x8e001ff;
/** What a socket reports: bits 1, 3, 6, 21, 27, 28, 29. */
export const RIGHTS_SOCKET = 0x3820004a;
