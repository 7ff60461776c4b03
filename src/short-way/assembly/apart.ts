/**
 * The host's functions that are compiled by themselves. Nobody imports them: what a module exports, the compiler does not put
 * into its only caller, and the engine's quick code is quicker, and sooner replaced, where `execute` is short (a clock takes a
 * sixth less).
 */
export { close as closeCall, fill, seek as seekCall, transfer } from "./host/index.js";
export { traceLine } from "./host/trace.js";
