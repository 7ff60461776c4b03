/**
 * `postern/sallyport`: the wire. Words, header, items, block, and the table of calls. Pure: runs anywhere.
 *
 * Start reading at block.ts (how a block is walked), then call.ts (how a call is described) and calls.ts (all of them).
 */
export { Block, type Item, type IterateOptions, items, sizeHint } from "./block.js";
export { type Call, type Parameter, Plan, type SocketAddressBuffer } from "./call.js";
export { type CallArguments, type CallName, plans } from "./calls.js";
export * from "./compatibility.js";
export * from "./constants.js";
export * from "./elf.js";
export { Errno, errnoName } from "./linux.js";
export type { RequestView, Span } from "./request-view.js";
