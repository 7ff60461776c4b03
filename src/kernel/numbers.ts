/** Numbers of the system calls and values of the constants on this machine. */
import { architecture } from "./architecture.js";
import { ARM64_CONSTANTS, COMMON_CONSTANTS, X86_64_CONSTANTS } from "./generated/constants.js";
import { COMMON_CALLS, X86_64_CALLS } from "./generated/system-calls.js";

/** A call that both architectures have. */
export type CommonCall = keyof typeof COMMON_CALLS;
/** A call that exists on x86-64 only: use its *at, *2 or p* form where the number is missing. */
export type X8664Call = keyof typeof X86_64_CALLS;
/** System call numbers by name; a call that this machine lacks is absent. */
export type SystemCallNumbers = { readonly [name in CommonCall]: number } & { readonly [name in X8664Call]?: number };

/** The system call numbers of one architecture. */
export function systemCallNumbers(machine: typeof architecture): SystemCallNumbers {
  const column = machine === "x86_64" ? 0 : 1;
  const entries: [string, number][] = Object.entries(COMMON_CALLS).map(([name, numbers]) => [name, numbers[column]]);
  if (machine === "x86_64") entries.push(...Object.entries(X86_64_CALLS));
  return Object.freeze(Object.fromEntries(entries)) as SystemCallNumbers;
}

/** This machine's system call numbers by name. */
export const SYS: SystemCallNumbers = systemCallNumbers(architecture);

type ConstantName = keyof typeof COMMON_CONSTANTS | (keyof typeof X86_64_CONSTANTS & keyof typeof ARM64_CONSTANTS);
/** Values of the constants by their Linux names. */
export type Constants = { readonly [name in ConstantName]: number };

/** The constants of one architecture. */
export function constantsOf(machine: typeof architecture): Constants {
  return Object.freeze({ ...COMMON_CONSTANTS, ...(machine === "x86_64" ? X86_64_CONSTANTS : ARM64_CONSTANTS) });
}

/** This machine's constants, as the kernel wants them: `LINUX.O_DIRECTORY`. */
export const LINUX: Constants = constantsOf(architecture);
