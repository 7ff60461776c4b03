/** Calls that leave the guest only in some cases; in the others the guest answers. */
import type { CallName } from "../sallyport/calls.js";
import {
  Errno,
  F_GETFD,
  F_GETFL,
  F_SETFD,
  F_SETFL,
  FIONBIO,
  FIONREAD,
  O_APPEND,
  O_CLOEXEC,
  O_RDWR,
  O_WRONLY,
  TIOCGWINSZ,
} from "../sallyport/linux.js";

/** A gate in front of a call. */
export interface Gate {
  /** The guest's own answer, >= 0 or -errno; undefined when the call goes to the host. */
  readonly answer: (...args: readonly unknown[]) => number | undefined;
  /** An error from here is one of staging: it fails a whole batch, not only this member. */
  readonly stagingError: boolean;
}

const RESOLV_CONF = "/etc/resolv.conf\0";

const isStandard = (fd: number): boolean => fd >= 0 && fd <= 2;

function textOf(bytes: Uint8Array): string {
  return bytes.length > RESOLV_CONF.length ? "" : String.fromCharCode(...bytes);
}

/** One file, and no flag but close-on-exec. The path carries its zero byte. */
function open(pathname: Uint8Array, flags: number): number | undefined {
  return textOf(pathname) === RESOLV_CONF && (flags & ~O_CLOEXEC) === 0 ? undefined : -Errno.EACCES;
}

function fcntl(fd: number, command: number): number | undefined {
  if (isStandard(fd)) {
    if (command !== F_GETFL) return -Errno.EINVAL;
    return fd === 0 ? O_RDWR | O_APPEND : O_WRONLY;
  }
  const leaves = command === F_GETFD || command === F_SETFD || command === F_GETFL || command === F_SETFL;
  return leaves ? undefined : -Errno.EBADFD;
}

function ioctl(fd: number, request: number): number | undefined {
  if (isStandard(fd)) return request === TIOCGWINSZ ? -Errno.ENOTTY : -Errno.EINVAL;
  return request === FIONBIO || request === FIONREAD ? undefined : -Errno.EBADFD;
}

const gate = (answer: unknown, stagingError: boolean): Gate => ({ answer: answer as Gate["answer"], stagingError });

/** The gates, by the name of the call behind. */
export const gates: Readonly<Partial<Record<CallName, Gate>>> = {
  open: gate(open, false),
  fcntl: gate(fcntl, true),
  ioctl: gate(ioctl, false),
};
