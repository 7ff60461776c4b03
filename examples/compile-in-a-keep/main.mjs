// Compiles a C program with clang inside a keep, and runs the result in another keep that may do nothing but print.
//
//   node examples/compile-in-a-keep/main.mjs
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "postern";
import { compile, link, runTool, unpackResources } from "./toolchain.mjs";

const say = (text = "") => process.stdout.write(`${text}\n`);

/** Does something that takes a while; says so on a terminal, and then nothing is left of that. */
async function step(what, action) {
  if (process.stderr.isTTY) process.stderr.write(`${what} ...`);
  const start = performance.now();
  const result = await action();
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  return [result, `${((performance.now() - start) / 1000).toFixed(1)} s`];
}

function mustSucceed({ code, stderr }) {
  if (code !== 0) throw new Error(`exit status ${code}:\n${stderr}`);
}

/** What a keep asked its host for, from its trace: `340 calls: 120 read, 88 openat, ...` */
async function calls(trace) {
  const counts = new Map();
  for (const line of (await readFile(trace, "utf8")).trim().split("\n")) {
    const { call } = JSON.parse(line);
    counts.set(call, (counts.get(call) ?? 0) + 1);
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 4);
  return `${total} calls: ${most.map(([name, count]) => `${count} ${name}`).join(", ")}, ...`;
}

const folder = await mkdtemp(join(tmpdir(), "postern-compile-"));
const place = { usr: join(folder, "usr"), work: join(folder, "work"), trace: join(folder, "trace") };
try {
  await mkdir(place.work);
  await copyFile(new URL("picture.c", import.meta.url), join(place.work, "picture.c"));
  await symlink("/etc/passwd", join(place.work, "link-to-passwd"));
  await step("unpacking the headers and libraries of clang", () => unpackResources(place.usr));

  const [compiled, compileTime] = await step("compiling", () => compile("picture", place));
  mustSucceed(compiled);
  say("clang, a compiler that has never heard of Postern, works in a keep:");
  say("  it may       read /usr, its own headers; read and write /project, a temporary directory; nothing else");
  say(`  it compiled  picture.c, in ${compileTime}, with ${await calls(place.trace)}`);

  const [linked, linkTime] = await step("linking", () => link("picture", place));
  mustSucceed(linked);
  say(`  it linked    picture.wasm, in ${linkTime}`);

  const secrets = ["/etc/passwd", "/project/link-to-passwd", "/project/../../../etc/passwd"];
  const [peeked] = await step("reading a file of yours", () =>
    runTool("clang", ["-x", "c", "-fsyntax-only", ...secrets], place),
  );
  say();
  say("It is asked to read a file of yours: by its name, through a link that lies in /project, with `..`:");
  for (const line of peeked.stderr.split("\n")) if (line.includes("passwd")) say(`  ${line}`);

  const picture = await run(join(place.work, "picture.wasm"), {
    limits: { memory: "16MiB", output: "64KiB" },
    timeout: "10s",
  });
  mustSucceed(picture);
  say();
  say("The program it made runs in a second keep that may only print. It draws, and then it looks around:");
  say();
  say(picture.stdout.trimEnd());
} finally {
  await rm(folder, { recursive: true, force: true });
}
