/** The calls that move bytes and positions. Arguments and results as in syscall.ts: the value, or -errno. */
import { SYS } from "./numbers.js";
import { syscall3, syscall4, type Word } from "./syscall.js";

/** Moves bytes between a descriptor and memory. @returns bytes moved, or -errno */
export type Transfer = (descriptor: number, address: number, length: number) => number;
/** The same at a position. */
export type PositionedTransfer = (descriptor: number, address: number, length: number, position: Word) => number;

const TRANSFERS: Readonly<Record<string, Transfer>> = {
  read: (descriptor, address, length) => syscall3(SYS.read, descriptor, address, length),
  write: (descriptor, address, length) => syscall3(SYS.write, descriptor, address, length),
  getdents64: (descriptor, address, length) => syscall3(SYS.getdents64, descriptor, address, length),
};

const POSITIONED: Readonly<Record<string, PositionedTransfer>> = {
  pread64: (descriptor, address, length, position) => syscall4(SYS.pread64, descriptor, address, length, position),
  pwrite64: (descriptor, address, length, position) => syscall4(SYS.pwrite64, descriptor, address, length, position),
};

const missing = (name: string) => (): never => {
  throw new TypeError(`${name} moves no bytes`);
};

/** The transfer of that name in Linux: read, write or getdents64; one that throws for any other name. */
export function transferOf(name: string): Transfer {
  return TRANSFERS[name] ?? missing(name);
}

/** The positioned transfer of that name in Linux: pread64 or pwrite64; one that throws for any other name. */
export function positionedTransferOf(name: string): PositionedTransfer {
  return POSITIONED[name] ?? missing(name);
}

/** lseek(2). @returns the new position, or -errno */
export function lseek(descriptor: number, offset: Word, whence: number): number {
  return syscall3(SYS.lseek, descriptor, offset, whence);
}
