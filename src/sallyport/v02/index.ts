/**
 * The older generation of the protocol: one request or reply at the start of a block, pointers as real addresses.
 *
 * Start with `block.ts`; `cursor.ts` allocates in its buffer; `handler.ts` answers a program's calls with the handlers
 * of `calls/`. No input, no output, no imports but `errors.ts`: the host's part is `host/v02.ts`.
 */
export { Block } from "./block.js";
export { Guest, type GuestOptions, type ShimCalls, type Staged } from "./calls/guest.js";
export * from "./constants.js";
export { type Allocation, Cursor, type Layout, OutOfSpace, type Slice, U8 } from "./cursor.js";
export { SyscallHandler } from "./handler.js";
export { FlatMemory, type Memory } from "./memory.js";
export { Message, Reply, Request, type Result, request } from "./message.js";
export { Register, type RegisterValue } from "./register.js";
export { type Access, type AddressValidator, Trusted, Untrusted } from "./untrusted.js";
