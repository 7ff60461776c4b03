import { createHash } from "node:crypto";
import {
  type GrantedSocket,
  KEEP_ENCODING_MAX,
  type KeepDescription,
  measureKeep,
  type ProgramIdentity,
  type Text,
} from "../../measure/keep.js";
import { compareKeeps, decodeKeep } from "../../measure/keep-decode.js";
import { parseCommandLine } from "../command-line.js";
import type { CommandDeclaration, OptionDeclaration } from "../declaration.js";
import { ExitStatus } from "../failure.js";
import { resolveEnvironment, type SocketGrant } from "../options.js";
import { parseRunCommand, type RunOptions, runDeclaration } from "../run-options.js";
import { onFile, open, readFile, readText, writeFile } from "./input.js";
import { EXIT_NOTE, EXPECT_OPTION, JSON_OPTION, Options, type Result, show, verdictOn } from "./output.js";

/** The options of `postern run` that decide what the program sees; the others do not count. */
const SHARED = [
  "dir",
  "ro-dir",
  "env",
  "env-file",
  "argv0",
  "listen",
  "connect",
  "timeout",
  "memory",
  "max-descriptors",
  "max-output",
];
const OWN: readonly OptionDeclaration[] = [
  EXPECT_OPTION,
  {
    name: "against",
    value: "FILE",
    kind: "file",
    description: "an encoding to compare with; the first difference is named",
  },
  { name: "output", value: "FILE", kind: "file", description: "write the canonical encoding, for --against" },
  JSON_OPTION,
];
const ENVIRONMENT_BYTES_MAX = 1 << 20;

export const declaration: CommandDeclaration = {
  name: "measure keep",
  summary: "the measurement of a keep: program, arguments, variables, grants, limits",
  passThrough: true,
  operands: runDeclaration.operands,
  options: [...runDeclaration.options.filter(({ name }) => SHARED.includes(name)), ...OWN],
  notes: [
    "Give the options of postern run. Names that the host uses for directories, their contents and the\nbackend do not count; the encoding is described in docs/measure.md.",
    EXIT_NOTE,
  ],
  example: [
    "printf '\\0asm\\1\\0\\0\\0\\1\\4\\1`\\0\\0\\3\\2\\1\\0\\7\\12\\1\\6_start\\0\\0\\12\\4\\1\\2\\0\\13' > nothing.wasm",
    "postern measure keep --argv0 nothing --ro-dir .::/data --output agreed.keep nothing.wasm -v",
    "postern measure keep --argv0 nothing --ro-dir /tmp::/data --against agreed.keep nothing.wasm -v",
  ],
  failureStatus: ExitStatus.usage,
};

export async function execute(argv: readonly string[]): Promise<number> {
  const line = parseCommandLine(declaration, argv);
  const options = new Options(line);
  const shared = line.options
    .filter(({ name }) => SHARED.includes(name))
    .map(({ name, value }) => `--${name}=${value}`);
  const keep = await describeKeep(parseRunCommand([...shared, "--", ...line.operands]));
  const { measurement, encoding } = measureKeep(keep);
  const output = options.get("output");
  if (output !== undefined) await writeFile(output, encoding);
  return show(options, {
    lines: [
      ["measurement", measurement],
      ["program", `${keep.program.sha256} (${keep.program.size} bytes)`],
      ["arguments", keep.args.join(" ")],
      ["variables", keep.env.length],
      ...keep.directories.map(({ guest, access }) => ["directory", `${guest} (${access})`] as const),
      ...keep.sockets.map(({ name, kind, endpoint }) => ["socket", `${name} (${kind} ${endpoint})`] as const),
      ...Object.entries(keep.limits).map(([name, value]) => ["limit", `${name} ${value}`] as const),
    ],
    fields: { measurement, keep },
    ...(await verdictOnKeep(options, keep, measurement)),
  });
}

async function verdictOnKeep(options: Options, keep: KeepDescription, found: string): Promise<Pick<Result, "verdict">> {
  const against = options.get("against");
  const hash = verdictOn(options, "measurement", found);
  if (against === undefined) return hash;
  const bytes = await readFile(against, KEEP_ENCODING_MAX);
  const difference = compareKeeps(await onFile(against, () => decodeKeep(bytes)), keep);
  if (difference !== null) return { verdict: { verified: false, text: difference } };
  if (hash.verdict?.verified === false) return hash;
  return { verdict: { verified: true, text: "the keep is the expected one" } };
}

async function describeKeep(run: RunOptions): Promise<KeepDescription> {
  const texts = new Map<string, string>();
  for (const source of run.env) {
    if (source.kind === "file") texts.set(source.path, await readText(source.path, ENVIRONMENT_BYTES_MAX));
  }
  const limits = {
    "timeout-milliseconds": run.timeoutMs,
    "memory-bytes": run.memoryBytes,
    descriptors: run.maxDescriptors,
    "output-bytes": run.maxOutputBytes,
  };
  return {
    program: await identify(run.program),
    args: [run.argv0 ?? run.program, ...run.args],
    env: resolveEnvironment(run.env, process.env, (path) => texts.get(path)!) satisfies (readonly [Text, Text])[],
    directories: run.dirs.map(({ guest, access }) => ({ guest, access })),
    sockets: [
      ...run.listen.map((grant) => socket("listen", grant)),
      ...run.connect.map((grant) => socket("connect", grant)),
    ],
    limits: Object.fromEntries(
      Object.entries(limits).filter((entry): entry is [string, number] => entry[1] !== undefined),
    ),
  };
}

function socket(kind: GrantedSocket["kind"], { name, protocol, host, port }: SocketGrant): GrantedSocket {
  return { name, kind, endpoint: `${protocol}:${host.includes(":") ? `[${host}]` : host}:${port}` };
}

/** Size and hash of a program of any size, without holding it in memory. */
async function identify(path: string): Promise<ProgramIdentity> {
  return await onFile(path, async () => {
    const hash = createHash("sha256");
    let size = 0;
    for await (const piece of open(path).pieces) {
      hash.update(piece);
      size += piece.length;
    }
    return { size, sha256: hash.digest("hex") };
  });
}
