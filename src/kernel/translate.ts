/**
 * Between the wire, which speaks x86-64 Linux whatever the machine, and this machine.
 *
 * Of the open flags four differ, and they trade places: the x86-64 O_DIRECTORY is the arm64 O_DIRECT, and the x86-64
 * O_NOFOLLOW the arm64 O_LARGEFILE. Passing them on untranslated loses a protection without any error. All other bits,
 * O_TMPFILE's own one among them, mean the same on both.
 */
import { type Architecture, architecture } from "./architecture.js";
import { STRUCTS, type StructCopier, structCopier, structsOf } from "./layouts.js";
import { constantsOf } from "./numbers.js";

const MOVED = ["O_DIRECT", "O_LARGEFILE", "O_DIRECTORY", "O_NOFOLLOW"] as const;

/**
 * Makes the function that turns open flags of one architecture into those of another. It takes and returns the low 32
 * bits as a signed integer, so it serves open, openat, F_SETFL, F_GETFL and the low word of openat2's flags.
 */
export function openFlagsTranslator(from: Architecture, to: Architecture): (flags: number) => number {
  if (from === to) return (flags) => flags | 0;
  const source = constantsOf(from);
  const target = constantsOf(to);
  const pairs = MOVED.map((name) => [source[name], target[name]] as const);
  const moved = pairs.reduce((bits, [bit]) => bits | bit, 0);
  return (flags) => pairs.reduce((bits, [bit, other]) => ((flags & bit) !== 0 ? bits | other : bits), flags & ~moved);
}

/** Open flags as they stand on the wire (x86-64) into this machine's. */
export const openFlagsFromWire = openFlagsTranslator("x86_64", architecture);

/** This machine's open flags, as F_GETFL returns them, into those of the wire (x86-64). */
export const openFlagsToWire = openFlagsTranslator(architecture, "x86_64");

const WIRE = structsOf("x86_64");

/** Rewrites this machine's `struct stat` into the wire's: x86-64, 144 bytes. */
export const statToWire: StructCopier = structCopier(STRUCTS.stat, WIRE.stat);

/**
 * The wire's `epoll_event` is neither kernel's by rule but has the arm64 layout: 16 bytes, `data` at 8. x86-64 kernels
 * want 12 bytes, `data` at 4.
 */
export const WIRE_EPOLL_EVENT = structsOf("arm64").epoll_event;

/** Rewrites an `epoll_event` of the wire into this machine's. */
export const epollEventFromWire: StructCopier = structCopier(WIRE_EPOLL_EVENT, STRUCTS.epoll_event);

/** Rewrites this machine's `epoll_event` into the wire's. */
export const epollEventToWire: StructCopier = structCopier(STRUCTS.epoll_event, WIRE_EPOLL_EVENT);
