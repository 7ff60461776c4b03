import { parseCommandLine } from "./command-line.js";
import type { CommandDeclaration } from "./declaration.js";
import { ExitStatus } from "./failure.js";
import { printable } from "./printable.js";

export const declaration: CommandDeclaration = {
  name: "doctor",
  summary: "say what this machine offers, and how to get what is missing",
  operands: [],
  options: [{ name: "json", description: "print one JSON object instead of words" }],
  notes: [
    "Exit status: 0 when everything that running a program needs is there, 1 when something of that is\nmissing, 2 when the command line is wrong. Nothing on the machine is changed.",
  ],
  example: ["postern doctor"],
  failureStatus: ExitStatus.usage,
};

/** One thing a machine may have, as `kernel/capabilities.ts` reports it. */
export interface Probe {
  readonly present: boolean;
  readonly detail: string;
  readonly fix?: string;
}

/** A probe in the report. */
export interface ReportedProbe extends Probe {
  /** Whether a keep cannot run without it. */
  readonly required: boolean;
}

/** Without these no program runs; everything else is for some backends and devices only. */
const REQUIRED: ReadonlySet<string> = new Set(["node", "system calls", "kernel", "openat2"]);
const NODE_MAJOR_MIN = 20;

export async function execute(argv: readonly string[]): Promise<number> {
  const { options } = parseCommandLine(declaration, argv);
  const probes = reported({ node: probeNode(process.versions.node), ...(await probeSystem()) });
  const ready = isReady(probes);
  process.stdout.write(
    options.some(({ name }) => name === "json")
      ? `${JSON.stringify({ ready, probes }, null, 2)}\n`
      : reportText(probes, ready),
  );
  return ready ? ExitStatus.success : ExitStatus.no;
}

/** The probes need the interface to the C library, which may be what is missing. */
async function probeSystem(): Promise<Record<string, Probe>> {
  try {
    const { probeMachine } = await import("../kernel/capabilities.js");
    return { "system calls": { present: true, detail: "reached through koffi" }, ...probeMachine() };
  } catch (error) {
    return {
      "system calls": { present: false, detail: `koffi cannot be loaded: ${rootCause(error)}`, fix: REINSTALL },
    };
  }
}

const REINSTALL = "Install Postern again with npm, on Linux for x64 or arm64, without --omit=optional.";

/** First line of the innermost cause: the rest is where modules were looked for. */
function rootCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message.split("\n")[0]! : rootCause(error.cause);
}

export function probeNode(version: string): Probe {
  const present = Number(version.split(".")[0]) >= NODE_MAJOR_MIN;
  const detail = `version ${version}`;
  return present ? { present, detail } : { present, detail, fix: `Install Node ${NODE_MAJOR_MIN} or later.` };
}

/** Adds to each probe whether it is required. */
export function reported(probes: Readonly<Record<string, Probe>>): Record<string, ReportedProbe> {
  const entries = Object.entries(probes).map(([name, probe]) => [name, { ...probe, required: REQUIRED.has(name) }]);
  return Object.fromEntries(entries);
}

export function isReady(probes: Readonly<Record<string, ReportedProbe>>): boolean {
  return Object.values(probes).every(({ present, required }) => present || !required);
}

/** The report in words: a line for each probe, and under what is missing how to get it. */
export function reportText(probes: Readonly<Record<string, ReportedProbe>>, ready: boolean): string {
  const width = Math.max(...Object.keys(probes).map((name) => name.length));
  const lines = Object.entries(probes).flatMap(([name, { present, detail, fix, required }]) => {
    const state = present ? "yes" : required ? "NO " : "no ";
    const line = `${name.padEnd(width)}  ${state}  ${printable(detail)}`;
    return fix === undefined ? [line] : [line, `${" ".repeat(width + 7)}${printable(fix)}`];
  });
  const verdict = ready
    ? "Programs can run here. What is missing above is needed only for some backends and devices."
    : 'Programs cannot run here until what is marked "NO" is there.';
  return `${lines.join("\n")}\n\n${verdict}\n`;
}
