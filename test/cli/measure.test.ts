import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { measurePages } from "postern/measure";
import { SUBCOMMANDS } from "#src/cli/measure.js";
import { Chain, makeQuote, QE_MRSIGNER } from "../measure/quotes.js";
import { bash, inDirectory, postern } from "./run-command.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const has = (tool: string) => spawnSync("bash", ["-c", `command -v ${tool}`]).status === 0;
/** What the examples call besides the tools of every Linux. */
const TOOLS = ["openssl", "cc"];
const missingFor = (script: string) => TOOLS.find((tool) => new RegExp(`\\b${tool} `).test(script) && !has(tool));

for (const [name, load] of Object.entries(SUBCOMMANDS)) {
  test(`the example in the help of measure ${name} works as pasted`, async (context) => {
    const { declaration } = await load();
    const script = declaration.example.join("\n");
    const missing = missingFor(script);
    if (missing !== undefined) return context.skip(`${missing} is not installed`);
    const help = postern("measure", name, "--help").stdout;
    for (const line of declaration.example) assert.ok(help.includes(line));
    inDirectory((directory) => {
      symlinkSync(join(root, "examples"), join(directory, "examples"));
      const { status, stdout, stderr } = bash(`set -e\n${script}`, directory);
      assert.deepEqual([status, stderr.replace(/^Generating.*\n(?:[.+]*\n)*e is 3.*\n/s, "")], [0, ""]);
      assert.notEqual(stdout, "");
    });
    return undefined;
  });
}

test("the worked example in docs/measure.md prints what the document says", (context) => {
  const text = readFileSync(join(root, "docs/measure.md"), "utf8");
  const blocks = [...text.matchAll(/```console\n([\s\S]*?)```/g)].map(([, block]) => block!);
  const steps = blocks.join("").split(/^\$ /m).slice(1);
  const missing = missingFor(steps.join(""));
  if (missing !== undefined) return context.skip(`${missing} is not installed`);
  assert.ok(steps.length >= 10);
  inDirectory((directory) => {
    for (const step of steps) {
      const [command, ...expected] = step.trimEnd().split("\n");
      const { stdout } = bash(command!, directory);
      const found = stdout.trimEnd().split("\n");
      const shown = found.map((line, index) =>
        expected[index]?.endsWith("...") ? keepStart(line, expected[index]) : line,
      );
      assert.deepEqual(shown.join("\n"), expected.join("\n"), command);
    }
  });
  return undefined;
});

const keepStart = (line: string, pattern: string) => (line.startsWith(pattern.slice(0, -3)) ? pattern : line);

const LIST = '{"size":"0x1000","ssaframesize":1,"pages":[]}';
const MRENCLAVE = "3cc716a42c8d707da48a173278d39d80855ee5f77b881eeba5810349e50127c2";

test("the exit status is 0 for verified, 1 for another value, 2 for what cannot be read", () => {
  inDirectory((directory) => {
    const list = join(directory, "list.json");
    writeFileSync(list, LIST);
    assert.equal(postern("measure", "pages", list).status, 0);
    assert.equal(postern("measure", "pages", list, "--expect", MRENCLAVE.toUpperCase()).status, 0);
    const other = postern("measure", "pages", list, "--expect", "0".repeat(64));
    assert.equal(other.status, 1);
    assert.match(other.stdout, new RegExp(`not verified: the MRENCLAVE is ${MRENCLAVE}, expected 0{64}\n$`));
    writeFileSync(list, "{");
    const broken = postern("measure", "pages", list);
    assert.deepEqual([broken.status, broken.stdout], [2, ""]);
    assert.match(broken.stderr, /list\.json: the page list is not JSON/);
    const absent = postern("measure", "pages", join(directory, "absent"));
    assert.equal(absent.status, 2);
    assert.match(absent.stderr, /absent does not exist/);
    assert.match(postern("measure", "sgxs", directory).stderr, /is a directory/);
  });
});

test("JSON says the verdict, the first difference, and the offset of what is malformed", () => {
  inDirectory((directory) => {
    const list = join(directory, "list.json");
    writeFileSync(list, LIST);
    const good = JSON.parse(postern("measure", "pages", list, "--json").stdout);
    assert.deepEqual(good, { mrenclave: MRENCLAVE, records: 1, streamLength: 64 });
    const other = JSON.parse(postern("measure", "pages", list, "--json", "--expect", "0".repeat(64)).stdout);
    assert.equal(other.verified, false);
    assert.match(other.difference, /expected 0{64}$/);
    const stream = join(directory, "cut.sgxs");
    writeFileSync(stream, "ECREATE\0");
    const cut = postern("measure", "sgxs", stream, "--json");
    const { verified, error, offset } = JSON.parse(cut.stdout);
    assert.deepEqual([cut.status, verified, error, offset], [2, false, "truncated", 8]);
  });
});

test("wrong values of options are refused with what is expected", () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["pages", "-", "--expect", "00"], /--expect: "00" was given; expected 64 hex digits/],
    [["elf", process.execPath, "--size", "-1"], /--size: "-1" was given/],
    [["sign", "--mrenclave", MRENCLAVE], /--key is missing/],
    [["einit", "-"], /--mrenclave is missing/],
    [["quote", "-", "--at", "yesterday"], /--at: "yesterday"/],
    [["quote", "-", "--reportdata", "abc"], /--reportdata: "abc"/],
    [["everything"], /'everything' is invalid/],
    [["pages", "--exspect", "1", "-"], /--exspect/],
    [["keep", "--timeout", "soon", "x.wasm"], /--timeout: "soon" was given/],
  ];
  for (const [argv, expected] of cases) {
    const { status, stderr } = spawnMeasure(argv, LIST);
    assert.equal(status, 2, argv.join(" "));
    assert.match(stderr, expected);
  }
});

/** Runs with `input` on standard input. */
function spawnMeasure(argv: readonly string[], input: string | Uint8Array) {
  const command = join(root, "dist/cli/start.cjs");
  return spawnSync(process.execPath, [command, "measure", ...argv], { input, encoding: "utf8", timeout: 60_000 });
}

test("standard input is read where a file is called -", () => {
  assert.match(spawnMeasure(["pages", "-"], LIST).stdout, new RegExp(MRENCLAVE));
  assert.match(spawnMeasure(["pages", "-"], Buffer.from([0xff, 0xfe])).stderr, /standard input is not text in UTF-8/);
});

test("a stream that could not be finished is not left behind", () => {
  inDirectory((directory) => {
    const stream = join(directory, "out.sgxs");
    const list = '{"size":"0x1000","ssaframesize":1,"pages":[{"offset":1,"flags":"0x203"}]}';
    const { status, stderr } = spawnMeasure(["pages", "--stream", stream, "-"], list);
    assert.equal(status, 2);
    assert.match(stderr, /standard input: page 0 at 0x1: not a multiple of 4096/);
    assert.equal(existsSync(stream), false);
  });
});

test("a stream that cannot be written is told with its name", (context) => {
  if (!existsSync("/dev/full")) return context.skip("there is no /dev/full");
  const { status, stderr } = spawnMeasure(["pages", "--stream", "/dev/full", "-"], LIST);
  assert.equal(status, 2);
  assert.match(stderr, /\/dev\/full cannot be used: ENOSPC/);
  assert.ok(existsSync("/dev/full"));
  return undefined;
});

test("a quote is shown without a root but not verified, and verified with the right one alone", () => {
  const chain = new Chain();
  inDirectory((directory) => {
    const [quote, good, bad] = ["quote.bin", "root.pem", "other.pem"].map((name) => join(directory, name));
    writeFileSync(quote!, makeQuote({ chain }));
    writeFileSync(good!, chain.root);
    writeFileSync(bad!, new Chain().root);
    const policy = ["--qe-mrsigner", QE_MRSIGNER, "--at", "2024-06-01"];
    const without = postern("measure", "quote", quote!, ...policy);
    assert.deepEqual(
      [without.status, without.stdout.split("\n").at(-2)],
      [1, "not verified: no root was given; --root FILE pins one"],
    );
    assert.equal(postern("measure", "quote", quote!, ...policy, "--root", good!).status, 0);
    const wrong = postern("measure", "quote", quote!, ...policy, "--root", bad!, "--json");
    const { verified, difference, steps } = JSON.parse(wrong.stdout);
    assert.deepEqual([wrong.status, verified, difference], [1, false, 'the root "Test Root" is not the pinned one']);
    assert.equal(steps.find(({ name }: { name: string }) => name === "chain").holds, false);
    assert.equal(postern("measure", "quote", quote!, ...policy, "--root", good!, "--isvsvn-min", "1").status, 1);
    assert.equal(postern("measure", "quote", quote!, "--root", quote!).status, 2);
  });
});

test("names in a quote cannot write to the terminal", () => {
  const chain = new Chain();
  const evil = makeQuote({ chain, certData: Buffer.from(chain.pem.replaceAll("-----END", "\u001b[2J-----END")) });
  const { stdout } = spawnMeasure(["quote", "-"], evil);
  assert.ok(!stdout.includes("\u001b"));
});

test("a measured keep does not depend on the host's names, the order of grants, or the backend", () => {
  inDirectory((directory) => {
    const program = join(directory, "a.wasm");
    writeFileSync(program, "program");
    const measure = (...options: string[]) => {
      const { stdout, stderr, status } = postern(
        "measure",
        "keep",
        "--argv0",
        "a",
        ...options,
        "--json",
        program,
        "-x",
      );
      assert.deepEqual([stderr, status], ["", 0]);
      return JSON.parse(stdout).measurement;
    };
    const first = measure(
      "--dir",
      "/tmp::/w",
      "--ro-dir",
      "/usr::/r",
      "--env",
      "A=1",
      "--env",
      "B=2",
      "--memory",
      "1MiB",
    );
    const second = measure(
      "--memory",
      "1024k",
      "--env",
      "B=2",
      "--env",
      "A=1",
      "--ro-dir",
      "/etc::/r/",
      "--dir",
      "/var::/w",
    );
    assert.equal(first, second);
    assert.notEqual(first, measure("--ro-dir", "/tmp::/w", "--ro-dir", "/usr::/r", "--env", "A=1", "--env", "B=2"));
    assert.notEqual(measure("--listen", "s=tcp:[::1]:80"), measure("--connect", "s=tcp:[::1]:80"));
  });
});

test("variables of a keep come from values, the environment and files, as in postern run", () => {
  inDirectory((directory) => {
    const program = join(directory, "a.wasm");
    const file = join(directory, "variables");
    writeFileSync(program, "program");
    writeFileSync(file, "# comment\nC=3\nA=9\n");
    const script = `B=2 postern measure keep --env A=1 --env B --env-file ${file} --json ${program}`;
    const { keep } = JSON.parse(bash(script, directory).stdout);
    assert.deepEqual(keep.env, [
      ["A", "9"],
      ["B", "2"],
      ["C", "3"],
    ]);
  });
});

test("long work shows progress on a terminal, and nothing in a pipe", (context) => {
  if (!has("script")) return context.skip("script is not installed");
  const pages = Array.from({ length: 1100 }, (_, index) => ({ offset: index * 4096, flags: 0x203 }));
  inDirectory((directory) => {
    writeFileSync(join(directory, "list.json"), JSON.stringify({ size: 2 ** 23, ssaframesize: 1, pages }));
    const command = `"$POSTERN_NODE" "$POSTERN_COMMAND" measure pages list.json`;
    const terminal = bash(`script -qec '${command}' /dev/null < /dev/null`, directory);
    assert.ok(terminal.stdout.includes("\r4 MiB\r\u001b[KMRENCLAVE"), terminal.stdout);
    const pipe = bash(command, directory);
    assert.deepEqual([pipe.stderr, /^MRENCLAVE/.test(pipe.stdout)], ["", true]);
  });
  return undefined;
});

test("an ELF program of this machine measures the same from the layout and from the stream", (context) => {
  if (!has("cc")) return context.skip("cc is not installed");
  inDirectory((directory) => {
    const built = bash("echo 'void _start(void) { for (;;); }' | cc -x c -static-pie -nostdlib -o loop -", directory);
    if (built.status !== 0) return context.skip(`cc cannot build a static program: ${built.stderr.split("\n")[0]}`);
    const elf = bash("postern measure elf loop --threads 2 --heap-pages 3 --stream loop.sgxs --json", directory);
    const sgxs = bash("postern measure sgxs loop.sgxs --json", directory);
    const [a, b] = [JSON.parse(elf.stdout), JSON.parse(sgxs.stdout)];
    assert.deepEqual([a.mrenclave, a.size, a.pageCount, a.tcs.length], [b.mrenclave, b.size, b.pages, 2]);
    return undefined;
  });
  assert.equal(measurePages({ size: 0x1000n, ssaframesize: 1, pages: [] }).mrenclave, MRENCLAVE);
  return undefined;
});
