/**
 * Numbers of the wire format, current generation.
 *
 * An item is a header (size, kind: one 64-bit word each) followed by a payload and data. All words are little endian.
 * Offsets here are bytes. Source: the protocol's own README and sources (sallyport 0.7.1).
 */

/** Bytes of a 64-bit word. */
export const WORD_BYTES = 8;
/** Bytes of an item's header: size, kind. */
export const HEADER_BYTES = 16;

/** What an item is. */
export const Kind = { END: 0, SYSCALL: 1, GDBCALL: 2, ENARXCALL: 3 } as const;
/** A value of {@link Kind}. */
export type Kind = (typeof Kind)[keyof typeof Kind];

/** Payload of a system call: number, six arguments, two return values. */
export const SYSCALL_PAYLOAD_BYTES = 72;
/** Payload of a debugger or enarx call: number, four arguments, one return value. */
export const CALL_PAYLOAD_BYTES = 48;
/** Arguments of a system call. */
export const SYSCALL_ARGUMENTS = 6;
/** Arguments of a debugger or enarx call. */
export const CALL_ARGUMENTS = 4;
/** Most bytes that an item needs besides its data. */
export const LARGEST_ITEM_BYTES = HEADER_BYTES + SYSCALL_PAYLOAD_BYTES;

/** Payload bytes of a kind, -1 for one that is not known. */
export function payloadBytes(kind: number): number {
  if (kind === Kind.SYSCALL) return SYSCALL_PAYLOAD_BYTES;
  if (kind === Kind.GDBCALL || kind === Kind.ENARXCALL) return CALL_PAYLOAD_BYTES;
  return kind === Kind.END ? 0 : -1;
}

/** Arguments of a kind's payload. */
export function argumentSlots(kind: number): number {
  return kind === Kind.SYSCALL ? SYSCALL_ARGUMENTS : CALL_ARGUMENTS;
}

/** Bytes of a block that shims use in practice: 17 pages. */
export const BLOCK_BYTES = 69632;
/** Largest block this implementation takes. */
export const BLOCK_BYTES_MAX = 1 << 28;
/** Most items the host executes in one block; a guest of ours never comes near. */
export const BLOCK_ITEMS_MAX = 65536;
