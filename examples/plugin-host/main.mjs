// An application that runs twelve plug-ins, eleven of which mean harm or are broken, and is still there afterwards.
//
//   node examples/plugin-host/main.mjs
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runPlugin } from "./host.mjs";

const plugins = fileURLToPath(new URL("plugins/", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "postern-plugins-"));
const data = join(folder, "data");

/** What the plug-ins may read, and what they may not, although a link leads there. */
async function prepare() {
  await mkdir(data);
  await writeFile(join(data, "words.txt"), "for everybody\n");
  await writeFile(join(folder, "secret.txt"), "the application's own secret\n");
  await symlink("../secret.txt", join(data, "link"));
}

function show(name, { output, problem }) {
  const shown = output.length > 500 ? `${output.slice(0, 30)}... (${output.length} bytes)` : output.trimEnd();
  console.log(`${name.padEnd(8)} ${problem ?? "did its work"}`);
  for (const line of shown.split("\n")) if (line !== "") console.log(`         | ${line}`);
}

/** Runs all of them, two at a time. */
async function runAll(files) {
  const waiting = [...files];
  const results = new Map();
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      results.set(file, await runPlugin(join(plugins, file), "hello, plug-in\n", { data }));
    }
  };
  await Promise.all([work(), work()]);
  return results;
}

try {
  await prepare();
  const files = (await readdir(plugins)).filter((name) => name.endsWith(".wasm")).sort();
  let beats = 0;
  const heart = setInterval(() => beats++, 20);
  const results = await runAll(files);
  clearInterval(heart);
  for (const file of files) show(basename(file, ".wasm"), results.get(file));
  console.log(`\nThe application is well; its heart beat ${beats} times meanwhile.`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
