/** `postern/observe`: watching the boundary. Lines and traces of calls, derived from the table of calls. */

export { textEscapes } from "./format.js";
export { callLine, callRecord } from "./line.js";
export { named } from "./names.js";
export { createTracer, TRACER_BYTES, type Tracer, type TracerOptions } from "./tracer.js";
