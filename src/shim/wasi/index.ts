/**
 * WASI preview 1 for programs, on top of the guest engine. Start reading at {@link createWasi}; README.md says what is
 * where.
 */
export { errnoName as wasiErrnoName, errnoTable } from "./errno.js";
export { rowsBytes } from "./rows.js";
export { type DescriptorSharing, descriptorMemory } from "./shared-descriptors.js";
export {
  createWasi,
  SHORT_FUNCTIONS,
  type ShortWay,
  type ShortWayLink,
  type Wasi,
  type WasiGrant,
  type WasiOptions,
} from "./wasi.js";
