/** What an application imports: `import { Keep, run } from "postern"`. */
export { type ErrorCode, PosternError } from "./errors.js";
export {
  type BackendChoice,
  type BackendName,
  type DirectoryGrant,
  describeException,
  type Exception,
  exitStatus,
  type Frame,
  Keep,
  type KeepExit,
  type KeepLimits,
  type KeepOptions,
  type RunOptions,
  type RunResult,
  run,
  type SocketGrant,
  type StandardStream,
  type StopReason,
  type TraceOptions,
} from "./keep/index.js";
