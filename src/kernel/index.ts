/**
 * The operating system: everything that touches Linux goes through this folder. Start with `syscall.ts`.
 *
 * Functions for the hot path take and return numbers and throw nothing; those for cold use throw PosternError.
 * Not listed here, since few need them and start-up time counts: `vdso.ts` and `capabilities.ts`; import those directly.
 */
export { addressOf, viewOf } from "./address.js";
export { type Architecture, architecture } from "./architecture.js";
export { vdsoClockGettime } from "./clock.js";
export { check, errnoName, errnoText } from "./errno.js";
export { mapExecutor } from "./executor.js";
export {
  type Field,
  type Layout,
  STRUCTS,
  type StructCopier,
  type Structs,
  structCopier,
  structsOf,
} from "./layouts.js";
export { type Allocation, allocate, mmap, mprotect, munmap } from "./memory.js";
export {
  type CommonCall,
  type Constants,
  constantsOf,
  LINUX,
  SYS,
  type SystemCallNumbers,
  systemCallNumbers,
  type X8664Call,
} from "./numbers.js";
export {
  syscall0,
  syscall1,
  syscall2,
  syscall3,
  syscall4,
  syscall4Then,
  syscall5,
  syscall6,
  syscallWide,
  type Word,
} from "./syscall.js";
export { gettid, installInterrupt, interruptThread } from "./threads.js";
export {
  epollEventFromWire,
  epollEventToWire,
  openFlagsFromWire,
  openFlagsToWire,
  openFlagsTranslator,
  statToWire,
  WIRE_EPOLL_EVENT,
} from "./translate.js";
