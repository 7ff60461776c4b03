// Packs the package as npm would publish it and checks the result: node scripts/package.mjs. Build first.
//
// publint and are-the-types-wrong read the packed file; the rest is checked here, on what lies in it. Needs no network.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

/** Unpacked, in bytes. Raise it on purpose, not by accident. */
const SIZE_MAX = 6_000_000;
/** Folders and files that a user has no use for. */
const UNWANTED = /^(?:test|bench|build|scripts|examples|\.ci)\/|\.test\.|\.tsbuildinfo$|(?:^|\/)node_modules\//;

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "postern-package-"));

/** Runs a program and returns its output; a failure is a failed check, and shows it. */
function run(name, args, cwd = root) {
  const { status, stdout, error } = spawnSync(name, args, {
    cwd,
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (error === undefined && status === 0) return stdout;
  if (stdout) console.error(stdout);
  throw new Error(`${[name, ...args].join(" ")}: ${error?.message ?? `exit ${status}`}`);
}

/** Reads a tar file as npm writes it: [{path, mode, bytes}], without the leading package/. */
function readTar(tar) {
  const entries = [];
  const text = (start, length) => tar.toString("utf8", start, start + length).replace(/\0.*$/s, "");
  let longPath;
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const type = text(at + 156, 1);
    const bytes = tar.subarray(at + 512, at + 512 + size);
    const prefix = text(at + 345, 155);
    const path = longPath ?? (prefix === "" ? "" : `${prefix}/`) + text(at, 100);
    longPath = type === "x" ? /\d+ path=(.*)\n/.exec(bytes.toString())?.[1] : undefined;
    if (type === "0")
      entries.push({ path: path.replace(/^package\//, ""), mode: Number.parseInt(text(at + 100, 8), 8), bytes });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return entries;
}

/** Every file that an export or a command names: [what names it, path]. */
function namedFiles({ bin, exports }) {
  const named = Object.entries(bin).map(([name, path]) => [`bin ${name}`, path]);
  for (const [name, target] of Object.entries(exports)) {
    if (typeof target === "string") named.push([`export ${name}`, target]);
    else for (const [condition, path] of Object.entries(target)) named.push([`export ${name} (${condition})`, path]);
  }
  return named.map(([name, path]) => [name, path.replace(/^\.\//, "")]);
}

/** Rules about the content; each yields sentences. */
function* problems(entries) {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  const description = JSON.parse(byPath.get("package.json").bytes.toString());
  for (const [name, path] of namedFiles(description))
    if (!byPath.has(path)) yield `${name}: ${path} is not in the package`;
  for (const [name, target] of Object.entries(description.exports)) {
    const complete = typeof target === "string" || (target.types?.endsWith(".d.ts") && target.default?.endsWith(".js"));
    if (!complete) yield `export ${name}: needs "types" and "default"`;
  }
  for (const [name, path] of Object.entries(description.bin)) {
    const entry = byPath.get(path);
    if (entry === undefined) continue;
    if ((entry.mode & 0o111) !== 0o111) yield `bin ${name}: ${path} is not executable`;
    if (!entry.bytes.toString().startsWith("#!/usr/bin/env -S node --\n"))
      yield `bin ${name}: ${path} does not begin with #!/usr/bin/env -S node --`;
  }
  for (const { path } of entries) {
    if (UNWANTED.test(path)) yield `${path}: does not belong into the package`;
    // The bundle is made of all sources together.
    const made = /^dist\/(?!bundle\/)(.*)\.(?:d\.ts|js)(?:\.map)?$/.exec(path);
    const isMade = made !== null && [".ts", ".d.ts"].some((ending) => byPath.has(`src/${made[1]}${ending}`));
    if (made !== null && !isMade) yield `${path}: its source is gone; npm run clean, then build`;
    // What becomes WebAssembly is in one file with all of it.
    const source = /^src\/(?!short-way\/assembly\/)(.*?)(?:\.d)?\.ts$/.exec(path);
    if (source !== null && !byPath.has(`dist/${source[1]}.js`)) yield `${path}: is not built; npm run build`;
  }
  const size = entries.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (size > SIZE_MAX) yield `${size} bytes unpacked, more than the limit of ${SIZE_MAX} in scripts/package.mjs`;
  if (!byPath.has("LICENSE")) yield "LICENSE is not in the package";
}

/** Unpacks the package into a folder that sees the installed dependencies, imports every export and runs the command. */
function tryOut(entries) {
  const installed = join(folder, "node_modules/postern");
  for (const { path, bytes, mode } of entries) {
    mkdirSync(dirname(join(installed, path)), { recursive: true });
    writeFileSync(join(installed, path), bytes, { mode });
  }
  const description = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  symlinkSync(join(root, "node_modules"), join(installed, "node_modules"));
  const names = Object.keys(description.exports).filter((name) => name !== "./package.json");
  const imports = names.map((name) => `await import(${JSON.stringify(join("postern", name))});`).join("\n");
  writeFileSync(join(folder, "try.mjs"), imports);
  run(process.execPath, ["try.mjs"], folder);
  for (const [name, path] of Object.entries(description.bin)) {
    const output = run(join(installed, path), ["--version"], folder);
    if (output.trim() !== description.version) throw new Error(`${name} --version says ${output}`);
  }
  console.log(`package: ${names.length} exports can be imported, the command runs`);
}

try {
  // Without scripts: `prepare` would build again, which is not what is checked here.
  run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder]);
  const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const packed = join(folder, `${name}-${version}.tgz`);
  const entries = readTar(gunzipSync(readFileSync(packed)));
  const found = [...problems(entries)];
  for (const problem of found) console.error(`package: ${problem}`);
  if (found.length > 0) throw new Error(`package: ${found.length} found that must not be published`);
  const size = entries.reduce((sum, { bytes }) => sum + bytes.length, 0);
  console.log(`package: ${entries.length} files, ${size} bytes unpacked of at most ${SIZE_MAX}`);
  tryOut(entries);
  run(join(root, "node_modules/.bin/publint"), ["run", packed, "--strict"]);
  run(join(root, "node_modules/.bin/attw"), [packed, "--profile", "esm-only", "--no-definitely-typed", "--no-color"]);
  console.log("package: publint and are-the-types-wrong have no complaint");
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}
