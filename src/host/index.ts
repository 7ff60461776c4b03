/**
 * `postern/host`: the outside of a keep. Executes what stands in a block, under a policy, and believes nothing in it.
 *
 * Start reading at host.ts; `derived.ts` is the way most calls take, the other files hold the irregular ones.
 */
export { type AttestationFiles, attestationFromFiles } from "./attestation.js";
export { Ended } from "./core.js";
export { type DebuggerServer, debuggerOn } from "./debugger.js";
export { DescriptorTable, descriptorRows } from "./descriptors.js";
export { createHost, type Host, type HostOptions } from "./host.js";
export { createParking, type ParkingOptions, parkingCounter, wakeParked } from "./parking.js";
export { DEFAULT_LIMITS, type Limits, type Observer, type Policy } from "./policy.js";
export { dereference } from "./reference.js";
export { Request, type Window } from "./request.js";
export type { Answer, Attestation, Debugger, KeepMemory, KeepThreads, Services } from "./services.js";
export { SharedDescriptorTable, sharingMemory } from "./shared-descriptors.js";
export * as v02 from "./v02.js";
