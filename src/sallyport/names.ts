/** Names of values in arguments, for traces, policies and reports. */
import type { ValueNames } from "./call.js";
import * as linux from "./linux.js";

/** Picks constants by prefix, leaving out those that are masks or combinations listed in `except`. */
function pick(prefix: string, except: readonly string[]): Record<string, number> {
  const names: Record<string, number> = {};
  for (const [name, value] of Object.entries(linux)) {
    if (typeof value === "number" && name.startsWith(prefix) && !except.includes(name)) names[name] = value;
  }
  return names;
}

/** The names are picked when somebody wants them: most keeps are never traced. */
function named(style: ValueNames["style"], prefix: string, ...except: string[]): ValueNames {
  let names: Record<string, number> | undefined;
  return {
    style,
    get names() {
      names ??= pick(prefix, except);
      return names;
    },
  };
}

export const openFlags = named("flags", "O_", "O_ACCMODE");
export const atFlags = named("flags", "AT_", "AT_FDCWD", "AT_REMOVEDIR");
export const unlinkFlags: ValueNames = { style: "flags", names: { AT_REMOVEDIR: linux.AT_REMOVEDIR } };
export const fcntlCommand = named("enumeration", "F_");
export const whence = named("enumeration", "SEEK_");
export const clock = named("enumeration", "CLOCK_");
export const messageFlags = named("flags", "MSG_");
export const socketDomain = named("enumeration", "AF_");
export const socketType = named("flags", "SOCK_");
export const shutdownHow = named("enumeration", "SHUT_");
export const ioctlRequest: ValueNames = {
  style: "enumeration",
  names: {
    FIONREAD: linux.FIONREAD,
    FIONBIO: linux.FIONBIO,
    TIOCGWINSZ: linux.TIOCGWINSZ,
    TCGETS: linux.TCGETS,
  },
};
export const epollOperation = named("enumeration", "EPOLL_CTL_");
export const protection = named("flags", "PROT_");
export const randomFlags = named("flags", "GRND_");
export const octal: ValueNames = { style: "octal" };
export const hexadecimal: ValueNames = { style: "hexadecimal" };
