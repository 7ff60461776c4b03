/** The way most calls are executed: checks and translation derived from the description, then one system call. */
import {
  SYS,
  syscall0,
  syscall1,
  syscall2,
  syscall3,
  syscall4,
  syscall5,
  syscall6,
  type Word,
} from "../kernel/index.js";
import { Argument, Part, type Plan } from "../sallyport/call.js";
import { Errno } from "../sallyport/linux.js";
import type { HostCore } from "./core.js";
import type { Request } from "./request.js";

/** Executes a call one way. @returns the kernel's value, or -errno; a refusal is noted in the core */
export type Hook = (core: HostCore, request: Request, plan: Plan) => number;

/** This machine's number of the call that a plan stands for, -1 where it has none of that name. */
export function nativeNumber(plan: Plan): number {
  return (SYS as Readonly<Record<string, number | undefined>>)[plan.kernel] ?? -1;
}

/** Makes a system call with the first `count` of six arguments. */
export function systemCall(nr: number, count: number, a: readonly Word[]): number {
  switch (count) {
    case 0:
      return syscall0(nr);
    case 1:
      return syscall1(nr, a[0]!);
    case 2:
      return syscall2(nr, a[0]!, a[1]!);
    case 3:
      return syscall3(nr, a[0]!, a[1]!, a[2]!);
    case 4:
      return syscall4(nr, a[0]!, a[1]!, a[2]!, a[3]!);
    case 5:
      return syscall5(nr, a[0]!, a[1]!, a[2]!, a[3]!, a[4]!);
    default:
      return syscall6(nr, a[0]!, a[1]!, a[2]!, a[3]!, a[4]!, a[5]!);
  }
}

/** Byte offset in the block of what a slot refers to, 0 where nothing is referred to, or a refusal. */
function referenceOf(core: HostCore, request: Request, plan: Plan, slot: number): number {
  const index = plan.slotParameter[slot]!;
  const parameter = plan.parameters[index]!;
  if (parameter.optional && core.isNull(request, slot)) return 0;
  const lengthSlot = plan.lengthSlot[index]!;
  if (lengthSlot >= 0) return core.counted(request, slot, lengthSlot, parameter.size, parameter.align);
  return core.reference(request, slot, 1, parameter.size, parameter.align);
}

/** Checks every reference, then every descriptor, then makes the call. */
export const derived: Hook = (core, request, plan) => {
  const nr = nativeNumber(plan);
  if (nr < 0) return -Errno.ENOSYS;
  const values: Word[] = [];
  for (const slot of plan.nativeSlots) {
    const parameter = plan.parameters[plan.slotParameter[slot]!]!;
    if (parameter.argument >= Argument.BYTES && plan.slotPart[slot] === Part.OFFSET) {
      const at = referenceOf(core, request, plan, slot);
      if (at < 0) return at;
      values.push(at === 0 ? 0 : core.address(at));
    } else if (parameter.argument === Argument.WORD) values.push(core.wide(request, slot));
    else if (parameter.argument === Argument.UNSIGNED) values.push(request.words[2 * slot]!);
    else if (plan.slotPart[slot] === Part.VALUE) values.push(core.int(request, slot));
    else values.push(core.isNull(request, slot) ? 0 : request.words[2 * slot]!);
  }
  for (let i = 0; i < plan.nativeSlots.length; i++) {
    const slot = plan.nativeSlots[i]!;
    const parameter = plan.parameters[plan.slotParameter[slot]!]!;
    if (parameter.argument !== Argument.DESCRIPTOR) continue;
    const native = core.granted(request, slot, parameter.right);
    if (native < 0) return native;
    values[i] = native;
  }
  return interruptible(core, () => systemCall(nr, values.length, values));
};

/** Repeats a call that a signal interrupted, unless the keep is to stop. */
export function interruptible(core: HostCore, call: () => number): number {
  for (;;) {
    const result = call();
    if (result !== -Errno.EINTR || core.stopping()) return result;
  }
}
