import assert from "node:assert/strict";
import { test } from "node:test";
import { type Host, S_IFIFO, S_IFREG, type TestProgram, testProgram } from "./program.js";

const EBADF = 8;
const EINVAL = 28;
const [POLLIN, POLLOUT, POLLERR, POLLHUP, POLLNVAL] = [1, 4, 8, 16, 32];
const HANGUP = 1;

interface Event {
  readonly userdata: bigint;
  readonly error: number;
  readonly type: number;
  readonly bytes: bigint;
  readonly flags: number;
}

type Wanted = { clock: number; timeout: bigint; absolute?: boolean } | { read: number } | { write: number };

/** Subscribes and waits. @returns the events, or the error */
function poll(program: TestProgram, wanted: readonly Wanted[], older = false): Event[] | number {
  const size = older ? 56 : 48;
  const { view } = program;
  program.bytes.fill(0, 1000, 1000 + size * wanted.length);
  for (const [index, each] of wanted.entries()) {
    const at = 1000 + size * index;
    view.setBigUint64(at, 0xfedcba9876543210n + BigInt(index), true);
    if ("clock" in each) {
      view.setUint32(at + (older ? 24 : 16), each.clock, true);
      view.setBigUint64(at + (older ? 32 : 24), each.timeout, true);
      view.setUint16(at + (older ? 48 : 40), each.absolute === true ? 1 : 0, true);
    } else {
      view.setUint8(at + 8, "read" in each ? 1 : 2);
      view.setUint32(at + 16, "read" in each ? each.read : each.write, true);
    }
  }
  const poll_oneoff = older ? program.unstable.poll_oneoff! : program.functions.poll_oneoff!;
  const error = poll_oneoff(1000, 8000, wanted.length, 900);
  if (error !== 0) return error;
  return Array.from({ length: view.getUint32(900, true) }, (_, index) => {
    const at = 8000 + 32 * index;
    return {
      userdata: view.getBigUint64(at, true) - 0xfedcba9876543210n,
      error: view.getUint16(at + 8, true),
      type: view.getUint8(at + 10),
      bytes: view.getBigUint64(at + 16, true),
      flags: view.getUint16(at + 24, true),
    };
  });
}

/** A host with two clocks that ppoll advances, and what happens on each of its descriptors. */
function pollHost(happens: Readonly<Record<number, number>> = {}) {
  const state = { realtime: 1_700_000_000_000_000_000n, monotonic: 5_000_000_000n, timeouts: [] as (bigint | null)[] };
  const host: Host = ({ name, numbers, data }) => {
    if (name === "clock_gettime") {
      const view = new DataView(data.tp!.buffer, data.tp!.byteOffset);
      const time = numbers.clockid === 0n ? state.realtime : state.monotonic;
      view.setBigUint64(0, time / 1_000_000_000n, true);
      view.setBigUint64(8, time % 1_000_000_000n, true);
      return 0;
    }
    if (name === "ioctl") {
      new DataView(data.argp!.buffer, data.argp!.byteOffset).setUint32(0, 77, true);
      return 0;
    }
    if (name === "statx") {
      const view = new DataView(data.statxbuf!.buffer, data.statxbuf!.byteOffset);
      view.setBigUint64(40, 100n, true);
      return 0;
    }
    if (name === "lseek") return 60;
    if (name !== "ppoll") return -38;
    const fds = new DataView(data.fds!.buffer, data.fds!.byteOffset, data.fds!.length);
    let ready = 0;
    for (let at = 0; at < fds.byteLength; at += 8) {
      const asked = fds.getUint16(at + 4, true) | POLLERR | POLLHUP | POLLNVAL;
      const happened = (happens[fds.getInt32(at, true)] ?? 0) & asked;
      fds.setUint16(at + 6, happened, true);
      if (happened !== 0) ready++;
    }
    const timeout = data.timeout;
    const view = timeout && new DataView(timeout.buffer, timeout.byteOffset);
    const wait = view ? view.getBigUint64(0, true) * 1_000_000_000n + view.getBigUint64(8, true) : null;
    state.timeouts.push(wait);
    if (ready === 0 && wait !== null) {
      state.realtime += wait;
      state.monotonic += wait;
    }
    if (ready === 0 && wait === null) throw new Error("would wait for ever");
    return ready;
  };
  return { state, host };
}

const clockEvent = (userdata: bigint): Event => ({ userdata, error: 0, type: 0, bytes: 0n, flags: 0 });

test("a sleep is one call, for exactly as long as asked", () => {
  const { host, state } = pollHost();
  const program = testProgram({ host });
  for (const clock of [0, 1]) {
    assert.deepEqual(poll(program, [{ clock, timeout: 1_500_000_001n }]), [clockEvent(0n)]);
  }
  assert.deepEqual(state.timeouts, [1_500_000_001n, 1_500_000_001n]);
  assert.deepEqual(
    program.calls.map(({ name }) => name),
    ["ppoll", "ppoll"],
  );
});

test("the longest of timeouts does not overflow to now", () => {
  const { host, state } = pollHost();
  const program = testProgram({ host });
  assert.deepEqual(poll(program, [{ clock: 1, timeout: 2n ** 64n - 1n }]), [clockEvent(0n)]);
  assert.deepEqual(state.timeouts, [2n ** 64n - 1n]);
});

test("several clocks wait for the earliest and report every one that has passed", () => {
  const { host, state } = pollHost();
  const program = testProgram({ host });
  const events = poll(program, [
    { clock: 1, timeout: 900n },
    { clock: 0, timeout: 200n },
    { clock: 1, timeout: 5_000_000_200n, absolute: true },
    { clock: 1, timeout: 200n },
  ]);
  assert.deepEqual(events, [clockEvent(1n), clockEvent(2n), clockEvent(3n)]);
  assert.deepEqual(state.timeouts, [200n]);
});

test("an absolute realtime clock is looked at again every second, for it may be set", () => {
  const { host, state } = pollHost();
  const program = testProgram({ host });
  const timeout = state.realtime + 2_500_000_000n;
  assert.deepEqual(poll(program, [{ clock: 0, timeout, absolute: true }]), [clockEvent(0n)]);
  assert.deepEqual(state.timeouts, [1_000_000_000n, 1_000_000_000n, 500_000_000n]);
});

test("a time that has passed is ready at once", () => {
  const { host, state } = pollHost();
  const program = testProgram({ host });
  assert.deepEqual(poll(program, [{ clock: 0, timeout: 1n, absolute: true }]), [clockEvent(0n)]);
  assert.deepEqual(poll(program, [{ clock: 1, timeout: 0n }]), [clockEvent(0n)]);
  assert.deepEqual(state.timeouts, [0n]);
});

test("descriptors report what ppoll found, in the order of the subscriptions, each its own", () => {
  const { host, state } = pollHost({ 0: POLLIN, 1: POLLOUT, 2: POLLOUT | POLLERR, 41: POLLHUP, 42: POLLNVAL });
  const program = testProgram({ host });
  const left = program.open(S_IFIFO, 41);
  const invalid = program.open(S_IFIFO, 42);
  const quiet = program.open(S_IFIFO, 43);
  const events = poll(program, [
    { write: 1 },
    { read: 0 },
    { read: 0 },
    { read: quiet },
    { write: 2 },
    { read: left },
    { read: invalid },
    { clock: 1, timeout: 1000n },
  ]);
  assert.deepEqual(events, [
    { userdata: 0n, error: 0, type: 2, bytes: 1n, flags: 0 },
    { userdata: 1n, error: 0, type: 1, bytes: 77n, flags: 0 },
    { userdata: 2n, error: 0, type: 1, bytes: 77n, flags: 0 },
    { userdata: 4n, error: 0, type: 2, bytes: 1n, flags: HANGUP },
    { userdata: 5n, error: 0, type: 1, bytes: 0n, flags: HANGUP },
    { userdata: 6n, error: EBADF, type: 1, bytes: 0n, flags: 0 },
  ]);
  assert.deepEqual(state.timeouts, [1000n]);
  const [asked] = program.calls.filter(({ name }) => name === "ppoll");
  assert.equal(asked!.data.fds!.length, 8 * 6, "each descriptor is asked for once");
});

test("one bad descriptor is an event, and the rest is collected without waiting", () => {
  const { host, state } = pollHost({ 1: POLLOUT });
  const program = testProgram({ host });
  const bad = (userdata: bigint, type: number): Event => ({ userdata, error: EBADF, type, bytes: 0n, flags: 0 });
  const events = poll(program, [{ read: 99 }, { read: 1 }, { write: 0 }, { read: 3 }, { write: 1 }, { read: 0 }]);
  assert.deepEqual(events, [
    bad(0n, 1),
    bad(1n, 1),
    bad(2n, 2),
    bad(3n, 1),
    { userdata: 4n, error: 0, type: 2, bytes: 1n, flags: 0 },
  ]);
  assert.deepEqual(state.timeouts, [0n]);
});

test("a listener is ready for reading when somebody waits, and never for writing", () => {
  const descriptors = [
    { descriptor: 0, kind: "input" },
    { descriptor: 13, kind: "listener" },
  ] as const;
  const program = testProgram({ host: pollHost({ 13: POLLIN | POLLOUT }).host, descriptors });
  assert.deepEqual(poll(program, [{ read: 1 }, { write: 1 }]), [
    { userdata: 0n, error: 0, type: 1, bytes: 1n, flags: 0 },
    { userdata: 1n, error: EBADF, type: 2, bytes: 0n, flags: 0 },
  ]);
});

test("regular files are ready at once, and a reader learns how much is left", () => {
  let position = 60;
  const { host, state } = pollHost();
  const program = testProgram({ host: (call) => (call.name === "lseek" ? position : host(call)) });
  const fd = program.open(S_IFREG, 40);
  const ready = (bytes: bigint, flags: number): Event => ({ userdata: 0n, error: 0, type: 1, bytes, flags });
  assert.deepEqual(poll(program, [{ read: fd }]), [ready(40n, 0)]);
  position = 100;
  assert.deepEqual(poll(program, [{ read: fd }]), [ready(1n, HANGUP)]);
  assert.deepEqual(poll(program, [{ write: fd }]), [{ userdata: 0n, error: 0, type: 2, bytes: 1n, flags: 0 }]);
  assert.deepEqual(state.timeouts, []);
});

test("unknown types, clocks and flags fail the call before it waits; so does having no subscription", () => {
  const program = testProgram({ host: pollHost().host });
  assert.equal(poll(program, []), EINVAL);
  assert.equal(poll(program, [{ read: 0 }, { clock: 2, timeout: 1n }]), EINVAL);
  program.view.setUint8(1008, 3);
  assert.equal(program.functions.poll_oneoff!(1000, 8000, 1, 900), EINVAL);
  program.bytes.fill(0, 1000, 1048);
  program.view.setUint16(1040, 2, true);
  assert.equal(program.functions.poll_oneoff!(1000, 8000, 1, 900), EINVAL);
  assert.deepEqual(program.calls, []);
});

test("more subscriptions than the limit are ENOMEM, as many as the limit are not", () => {
  const program = testProgram({ pages: 100, host: pollHost().host });
  assert.equal(program.functions.poll_oneoff!(0, 0, 131072, 6500000), 0);
  assert.equal(program.view.getUint32(6500000, true), 131072);
  program.calls.length = 0;
  assert.equal(program.functions.poll_oneoff!(0, 0, 131073, 6500000), 48);
  assert.deepEqual(program.calls, []);
});

test("the older generation's subscriptions are longer, its events the same", () => {
  const { host, state } = pollHost({ 1: POLLOUT });
  const program = testProgram({ host });
  assert.deepEqual(poll(program, [{ clock: 1, timeout: 700n }, { read: 0 }], true), [clockEvent(0n)]);
  assert.deepEqual(poll(program, [{ clock: 0, timeout: 700n }, { write: 1 }], true), [
    { userdata: 1n, error: 0, type: 2, bytes: 1n, flags: 0 },
  ]);
  assert.deepEqual(state.timeouts, [700n, 700n]);
});

test("input and output may overlap: subscriptions are copied before anything is written", () => {
  const program = testProgram({ host: pollHost({ 1: POLLOUT }).host });
  for (const index of [0, 1]) {
    program.view.setBigUint64(1000 + 48 * index, BigInt(index + 5), true);
    program.view.setUint8(1008 + 48 * index, 2);
    program.view.setUint32(1016 + 48 * index, 1, true);
  }
  assert.equal(program.functions.poll_oneoff!(1000, 1000, 2, 900), 0);
  assert.equal(program.view.getBigUint64(1000, true), 5n);
  assert.equal(program.view.getBigUint64(1032, true), 6n);
});
