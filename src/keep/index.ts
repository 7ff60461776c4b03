/** Keeps: everything put together. Start reading at keep.ts; backends/ says how a keep is isolated. */
export { describeException } from "./backends/exception.js";
export type { Exception, Frame } from "./backends/setup.js";
export { Keep, type KeepExit, type StopReason } from "./keep.js";
export type {
  BackendChoice,
  BackendName,
  DirectoryGrant,
  KeepLimits,
  KeepOptions,
  SocketGrant,
  StandardStream,
  TraceOptions,
} from "./options.js";
export { exitStatus, type RunOptions, type RunResult, run } from "./run.js";
