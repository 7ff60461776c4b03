// Builds the programs that are measured: node bench/programs/build.mjs [micro] [sqlite]
//
//   micro    micro.c with clang and wasi-libc (Debian: clang lld wasi-libc libclang-rt-14-dev-wasm32) [CLANG]. The built
//            file is kept in the repository: build it again after a change.
//   sqlite   sqlite.c with SQLite's own sources, taken out of the npm package better-sqlite3, which carries them. Nothing
//            of that is kept in the repository: the program goes to build/bench-programs. Takes a minute.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL("./", import.meta.url));
const built = fileURLToPath(new URL("../../build/bench-programs/", import.meta.url));
const { CLANG = "clang" } = process.env;
const compile = [CLANG, "--target=wasm32-wasi", "-O2", "-Wl,--strip-all"];
const sqliteOptions = ["-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION"];

function run([command, ...args], cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? `status ${status}`}`);
}

const builders = {
  micro() {
    const target = join(here, "micro.wasm");
    run([...compile, "-Wall", "-Wextra", "-Werror", "-o", target, join(here, "micro.c")], here);
    chmodSync(target, 0o644);
  },
  sqlite() {
    const work = mkdtempSync(join(tmpdir(), "postern-sqlite-"));
    try {
      run(["npm", "pack", "better-sqlite3", "--silent"], work);
      const archive = readdirSync(work).find((name) => name.endsWith(".tgz"));
      run(["tar", "-xzf", archive, "package/deps/sqlite3"], work);
      const sources = join(work, "package/deps/sqlite3");
      mkdirSync(built, { recursive: true });
      const files = [
        "-I",
        sources,
        "-o",
        join(built, "sqlite.wasm"),
        join(here, "sqlite.c"),
        join(sources, "sqlite3.c"),
      ];
      run([...compile, ...sqliteOptions, ...files], work);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  },
};

const names = process.argv.slice(2);
for (const name of names.length === 0 ? Object.keys(builders) : names) {
  if (builders[name] === undefined) throw new Error(`no program ${name}: ${Object.keys(builders).join(", ")}`);
  builders[name]();
  console.log(`${name} is built`);
}
