/** What a loader offers its guest: attestation from files, memory notices, a debugger on a socket; and who the peer is. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Worker } from "node:worker_threads";
import { createEngine, createHandler, type Handler } from "postern/guest";
import { attestationFromFiles, createHost, type KeepMemory, type Services } from "postern/host";
import { BLOCK_BYTES, Block, Errno, isOwnPeer, OWN_VERSION, REQUIRES, VERSION } from "postern/sallyport";

const directory = mkdtempSync(join(tmpdir(), "postern-services-"));
after(() => rmSync(directory, { recursive: true }));

function guest(services: Services): Handler {
  const block = new Block(new ArrayBuffer(BLOCK_BYTES));
  const host = createHost({ block, services });
  return createHandler({ engine: createEngine({ block, sally: () => host.execute() }) });
}

function file(name: string, bytes: Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

test("quotes, TARGETINFO and certificates come from files; too little room is EMSGSIZE", () => {
  const quote = new Uint8Array(600).map((_, index) => index & 255);
  const info = new Uint8Array(512).fill(7);
  const attestation = attestationFromFiles({
    sgxQuote: file("quote", quote),
    sgxTargetInfo: file("info", info),
    snpVcek: file("vcek", Uint8Array.of(1, 2, 3)),
  });
  const handler = guest({ attestation });
  assert.equal(handler.get_sgx_quote_size(), 600n);
  const received = new Uint8Array(700);
  assert.equal(handler.get_sgx_quote(new Uint8Array(512), received), 600);
  assert.deepEqual(received.subarray(0, 600), quote);
  assert.equal(handler.get_sgx_quote(new Uint8Array(512), new Uint8Array(599)), -Errno.EMSGSIZE);
  const target = new Uint8Array(512);
  assert.equal(handler.get_sgx_target_info(target), 0);
  assert.deepEqual(target, info);
  const chain = new Uint8Array(8);
  assert.equal(handler.get_snp_vcek(chain), 3);
  assert.deepEqual(chain, Uint8Array.of(1, 2, 3, 0, 0, 0, 0, 0));
});

test("files that are not there, too large or of the wrong length are refused by name", () => {
  assert.throws(() => attestationFromFiles({ sgxQuote: join(directory, "none") }), { code: "ENOTFOUND" });
  const short = file("short", new Uint8Array(511));
  assert.throws(() => attestationFromFiles({ sgxTargetInfo: short }), { code: "EMALFORMED", offset: 511 });
  const large = file("large", new Uint8Array(2 ** 20 + 1));
  assert.throws(() => attestationFromFiles({ snpVcek: large }), { code: "EMALFORMED" });
});

test("without services the calls are ENOSYS; cpuid is executed on x86-64", () => {
  const handler = guest({});
  assert.equal(handler.get_sgx_quote_size(), BigInt(-Errno.ENOSYS));
  assert.equal(handler.mem_info(), BigInt(-Errno.ENOSYS));
  assert.equal(handler.gdb_read(), -Errno.ENOSYS);
  assert.equal(handler.spawn(0n), -Errno.ENOSYS);
  const registers = new Uint8Array(16);
  if (process.arch !== "x64") assert.equal(handler.cpuid(0, 0, registers), -Errno.ENOSYS);
  else {
    assert.equal(handler.cpuid(0, 0, registers), 0);
    const [, b = 0, c = 0, d = 0] = new Uint32Array(registers.buffer);
    const vendor = Buffer.from(Uint32Array.of(b, d, c).buffer).toString();
    assert.match(vendor, /^[ -~]{12}$/);
  }
});

test("memory notices reach the provider checked: whole pages, no overflow, known bits", () => {
  const seen: unknown[][] = [];
  const note =
    (name: string) =>
    (...args: unknown[]) => {
      seen.push([name, ...args]);
      return name === "balloon" ? 0x7f00_0000_0000n : 0;
    };
  const names = ["memInfo", "balloon", "mmap", "mprotect", "munmap", "modifySgxPageType", "newSallyport"];
  const memory = Object.fromEntries(names.map((name) => [name, note(name)])) as unknown as KeepMemory;
  const handler = guest({ memory });
  assert.equal(handler.balloon_memory(12, 4, 0x4000_0000, 1), 0x7f00_0000_0000n);
  assert.equal(handler.mmap_host(0x1000, 0x2000, 3), 0);
  assert.equal(handler.mprotect_host(0x1000, 0x1000, 5), 0);
  assert.equal(handler.munmap_host(0x1000, 0x1000), 0);
  assert.equal(handler.modify_sgx_page_type(0x1000, 0x1000, 4), 0);
  assert.equal(handler.new_sallyport(0x1000, 65535), 0);
  assert.deepEqual(seen, [
    ["balloon", 4096n, 4n, 0x4000_0000n, true],
    ["mmap", 0x1000n, 0x2000n, 3],
    ["mprotect", 0x1000n, 0x1000n, 5],
    ["munmap", 0x1000n, 0x1000n],
    ["modifySgxPageType", 0x1000n, 0x1000n, 4],
    ["newSallyport", 0x1000n, 65535],
  ]);
  const refused = [
    () => handler.mmap_host(0x1001, 0x1000, 3),
    () => handler.mmap_host(0x1000, 0, 3),
    () => handler.mmap_host(0x1000, 0xfff, 3),
    () => handler.mmap_host(0xffff_ffff_ffff_f000n, 0x2000, 3),
    () => handler.mmap_host(0x1000, 0x1000, 8),
    () => handler.modify_sgx_page_type(0x1000, 0x1000, 5),
    () => handler.new_sallyport(0x1000, 65536),
    () => Number(handler.balloon_memory(64, 1, 0, 0)),
    () => Number(handler.balloon_memory(12, 2n ** 52n, 0, 0)),
    () => Number(handler.balloon_memory(12, 1, 1, 0)),
  ];
  for (const call of refused) assert.equal(call(), -Errno.EINVAL);
  assert.equal(seen.length, 6);
});

/** The guest of the debugger test, in a thread, because waiting for the debugger blocks it. */
const debugged = `
const { workerData, parentPort } = require("node:worker_threads");
(async () => {
  const { createEngine, createHandler } = await import("postern/guest");
  const { createHost, debuggerOn } = await import("postern/host");
  const { Block, BLOCK_BYTES } = await import("postern/sallyport");
  const { SYS, addressOf, syscall3 } = await import(workerData.kernel);
  const { address } = workerData;
  const listening = syscall3(SYS.socket, address[0], 1 | 0x80000, 0);
  if (syscall3(SYS.bind, listening, addressOf(address), address.length) < 0) throw new Error("bind");
  if (syscall3(SYS.listen, listening, 1, 0) < 0) throw new Error("listen");
  const server = debuggerOn(listening);
  const block = new Block(new ArrayBuffer(BLOCK_BYTES));
  const host = createHost({ block, services: { debugger: server } });
  const gdb = createHandler({ engine: createEngine({ block, sally: () => host.execute() }) });
  const results = [gdb.gdb_read()];
  parentPort.postMessage("listening");
  results.push(gdb.gdb_on_session_start(), gdb.gdb_on_session_start(), gdb.gdb_read());
  // The debugger sends nothing more until it has got these.
  results.push(gdb.gdb_peek(), gdb.gdb_write(33), gdb.gdb_write_all(new TextEncoder().encode("hello")), gdb.gdb_flush());
  results.push(gdb.gdb_read(), gdb.gdb_peek(), gdb.gdb_peek(), gdb.gdb_read(), gdb.gdb_read());
  server.close();
  parentPort.postMessage(results);
})();
`;

function received(socket: Socket, bytes: number): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
      if (text.length >= bytes) resolve(text);
    });
  });
}

/** A port of the loopback that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** struct sockaddr_un, or sockaddr_in of the loopback. */
function socketAddress(to: string | number): Uint8Array {
  if (typeof to === "number") return Uint8Array.of(2, 0, to >> 8, to & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
  const address = new Uint8Array(110);
  address[0] = 1;
  address.set(new TextEncoder().encode(to), 2);
  return address;
}

for (const kind of ["UNIX", "TCP"] as const) {
  test(`a debugger that connects to a ${kind} socket exchanges bytes with the guest`, async () => {
    const to = kind === "UNIX" ? join(directory, "debugger") : await freePort();
    const kernel = new URL("../../../dist/kernel/index.js", import.meta.url).href;
    const worker = new Worker(debugged, { eval: true, workerData: { address: socketAddress(to), kernel } });
    const failed = new Promise<never>((_, reject) => worker.once("error", reject));
    const next = () => Promise.race([failed, new Promise<unknown>((resolve) => worker.once("message", resolve))]);
    await next();
    const results = next();
    const socket = typeof to === "string" ? createConnection(to) : createConnection(to, "127.0.0.1");
    socket.write("$");
    assert.equal(await received(socket, 6), "!hello");
    socket.end("ab");
    // Nobody there yet; session twice; "$"; nothing there; written; "a"; "b" seen twice and taken; the debugger is gone.
    assert.deepEqual(await results, [-Errno.ENOTCONN, 0, 0, 36, -1, 0, 5, 0, 97, 98, 98, 98, -Errno.ECONNRESET]);
    await worker.terminate();
  });
}

test("the peer's version decides whether the original's ways are kept", () => {
  assert.ok(isOwnPeer(OWN_VERSION) && isOwnPeer("^0.7.1+postern") && isOwnPeer("0.7.2+build.postern.3"));
  for (const version of [VERSION, REQUIRES, "0.7.1+posternish", "0.7.1-postern", ""]) assert.ok(!isOwnPeer(version));
  const blockFor = (peer: string) => {
    const block = new Block(new ArrayBuffer(BLOCK_BYTES));
    const host = createHost({ block, peer });
    const engine = createEngine({ block, sally: () => host.execute(), peer });
    return createHandler({ engine });
  };
  // A call that only this implementation has: the original's host leaves its ENOSYS.
  assert.equal(blockFor(VERSION).sched_yield(), -Errno.ENOSYS);
  assert.equal(blockFor(OWN_VERSION).sched_yield(), 0);
});
