/** The module over the memory with the block: what the inside offers to the shim, and the host behind it. */
export * from "./apart.js";
export * from "./inside/descriptors.js";
export * from "./inside/listing.js";
export * from "./inside/status.js";
