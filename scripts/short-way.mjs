// Makes WebAssembly of src/short-way/assembly/, after tsc: node scripts/short-way.mjs
//
// The sources are AssemblyScript. What they import from the rest of src/ are numbers, which are read off the compiled files: so
// a constant is written once, for both compilers. The result is one JavaScript file with the modules as text.
//
// For tests there are the inside alone, whose host is whatever it is linked with, and the host alone; for measurements, the
// gate without the entry loop: build/short-way/.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import asc from "assemblyscript/asc";

const root = fileURLToPath(new URL("..", import.meta.url));
const ASSEMBLY = "src/short-way/assembly/";
/** What may stand in the place of a source: what is handed over to, and whether the keep has a thread of its own. */
const NO_HOST = { "/sally.js.ts": "export declare function sally(): i32;", "/apart.js.ts": "" };
const NO_LOOP = { "/sally.js.ts": 'export { execute as sally } from "./host/index.js";' };
const IN_THREAD = { "/thread.js.ts": "export const IN_THREAD: bool = true;" };
const SHARED_FLAGS = "--enable threads --sharedMemory --maximumMemory 65536".split(" ");

/** The shim works on the program's memory, everything else on the one with the block. */
const MODULES = {
  gate: ["gate.ts"],
  sharedGate: ["gate.ts", IN_THREAD, SHARED_FLAGS],
  shim: ["shim.ts"],
  window: ["window.ts"],
};
/** For tests and measurements. */
const PARTS = { inside: ["gate.ts", NO_HOST], host: ["host/index.ts"], direct: ["gate.ts", NO_LOOP] };
const FLAGS = "-O3 --runtime stub --noAssert --importMemory --initialMemory 0".split(" ");

/** The numbers that a compiled file exports, as constants and as namespaces of them. */
async function constantsOf(path) {
  const exported = await import(pathToFileURL(path));
  return Object.entries(exported)
    .map(([name, value]) => declarationOf(name, value))
    .join("\n");
}

const isNumber = (value) => typeof value === "number" && Number.isInteger(value);

function declarationOf(name, value) {
  if (!/^\w+$/.test(name)) return "";
  if (isNumber(value)) return `export const ${name} = ${value};`;
  if (value === null || typeof value !== "object" || Array.isArray(value)) return "";
  const members = Object.entries(value).map(([member, each]) => declarationOf(member, each));
  return `export namespace ${name} {\n${members.filter((each) => each !== "").join("\n")}\n}`;
}

/** Constants by the file they come from; made before the compiler runs, since it asks for files at once. */
const constants = new Map();
for (const name of [
  "host/descriptors",
  "short-way/layout",
  "sallyport/call",
  "sallyport/calls",
  "sallyport/constants",
  "sallyport/linux",
  "shim/wasi/abi",
  "shim/wasi/descriptors",
  "shim/wasi/filestat",
  "shim/wasi/rows",
]) {
  constants.set(`src/${name}.js.ts`, await constantsOf(`${root}dist/${name}.js`));
}

/** A source as the compiler asks for it: `x.js` in an import is `x.ts`, or the constants of another part. */
function readSource(name) {
  const path = relative(root, `${root}${name}`);
  if (constants.has(path)) return constants.get(path);
  if (!path.startsWith(ASSEMBLY)) return null;
  try {
    return readFileSync(`${root}${path.replace(/\.js\.ts$/, ".ts")}`, "utf8");
  } catch {
    return null;
  }
}

/** @param replaced texts by the end of the name of the file they stand for */
async function compile(file, replaced = {}, flags = []) {
  let binary;
  const sourceOf = (name) => Object.entries(replaced).find(([end]) => name.endsWith(end))?.[1] ?? readSource(name);
  const words = [`${ASSEMBLY}${file}`, "-o", "out.wasm", ...FLAGS, ...flags];
  const { error, stderr } = await asc.main(words, {
    readFile: sourceOf,
    writeFile: (_path, contents) => {
      binary = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || binary === undefined) throw new Error(`${file}: ${stderr.toString()}`);
  return Buffer.from(binary).toString("base64");
}

async function write(folder, name, file, values) {
  mkdirSync(`${root}${folder}`, { recursive: true });
  const note = "// Made by scripts/short-way.mjs from src/short-way/assembly/.";
  writeFileSync(`${root}${folder}/${file}`, `${note}\nexport const ${name} = ${JSON.stringify(values)};\n`);
}

const modules = {};
for (const [name, build] of Object.entries(MODULES)) modules[name] = await compile(...build);
await write("dist/short-way", "modules", "modules.js", modules);
for (const [name, build] of Object.entries(PARTS)) {
  await write("build/short-way", name, `${name}.js`, await compile(...build));
}
