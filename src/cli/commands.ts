import type { CommandModule } from "./declaration.js";

/** A command in the list: its module is loaded only when it is used. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

/** All commands, in the order in which help lists them. */
export const COMMANDS: readonly CommandEntry[] = [
  { name: "run", summary: "run a program in a keep", load: () => import("./run.js") },
  {
    name: "inspect",
    summary: "say what a program is, and whether it can run here",
    load: () => import("./inspect.js"),
  },
  {
    name: "doctor",
    summary: "say what this machine offers, and how to get what is missing",
    load: () => import("./doctor.js"),
  },
  {
    name: "measure",
    summary: "say what an enclave or a keep measures, and verify what a processor says about it",
    load: () => import("./measure.js"),
  },
  { name: "completion", summary: "print a completion script for a shell", load: () => import("./completion.js") },
];
