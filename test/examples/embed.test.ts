import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const path = (name: string) => fileURLToPath(new URL(`../../../examples/embed/${name}`, import.meta.url));

describe("the example: a server that gives each request a keep", () => {
  let server: ChildProcess;
  let address = "";
  before(async () => {
    server = spawn(process.execPath, [path("server.mjs"), "0"], { stdio: ["ignore", "pipe", "inherit"] });
    address = await new Promise((resolve, reject) => {
      server.stdout!.once("data", (line: Buffer) => resolve(line.toString().trim()));
      server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    });
  });
  after(() => server.kill());

  const post = (body: string | Buffer) => fetch(address, { method: "POST", body });

  test("a module becomes a netlist", async () => {
    const response = await post(readFileSync(path("adder.v")));
    assert.equal(response.status, 200);
    const { modules } = (await response.json()) as {
      modules: Record<string, { cells: Record<string, { type: string }> }>;
    };
    assert.deepEqual(
      Object.values(modules.adder!.cells).map(({ type }) => type),
      ["$add"],
    );
  });

  test("a module that is wrong gets the message of Yosys", async () => {
    const response = await post("module m(; endmodule\n");
    assert.equal(response.status, 422);
    assert.match(await response.text(), /<stdin>:1: ERROR: syntax error/);
  });

  test("a module cannot include a file of the host", async () => {
    const response = await post('module m(input a);\n`include "/etc/passwd"\nendmodule\n');
    assert.equal(response.status, 422);
    assert.match(await response.text(), /Can't open include file `\/etc\/passwd'/);
  });

  test("a source that is too long is refused", async () => {
    assert.equal((await post(Buffer.alloc(2 << 20))).status, 413);
  });

  test("it still serves after a client went away", async () => {
    const away = new AbortController();
    const request = fetch(address, { method: "POST", body: "module m; endmodule\n", signal: away.signal });
    setTimeout(() => away.abort(), 100);
    await request.catch(() => {});
    assert.equal((await post(readFileSync(path("adder.v")))).status, 200);
  });
});
