/** What a host refuses by default although Linux would do it, because it reaches beyond the keep. */
import assert from "node:assert/strict";
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createEngine, type Engine } from "postern/guest";
import { createHost, DescriptorTable, descriptorRows, type Policy } from "postern/host";
import { BLOCK_BYTES, Block, Errno, plans } from "postern/sallyport";
import { LINUX, SYS, syscall3 } from "#src/kernel/index.js";

const EVERYTHING = 15;
const directory = mkdtempSync(join(tmpdir(), "postern-refusals-"));
after(() => rmSync(directory, { recursive: true }));

/** A guest and a host over one block: 0 shared, 1 a directory of the keep's own, 2 a TCP socket. */
function keep(policy: Policy = {}): { engine: Engine; shared: number; close(): void } {
  const block = new Block(new ArrayBuffer(BLOCK_BYTES));
  const descriptors = new DescriptorTable(descriptorRows(16));
  const shared = openSync("/dev/null", "r+");
  descriptors.add(shared, EVERYTHING, false);
  descriptors.add(openSync(directory, "r"), EVERYTHING, true);
  descriptors.add(syscall3(SYS.socket, 2, 1 | LINUX.O_CLOEXEC, 0), EVERYTHING, true);
  const host = createHost({ block, descriptors, policy });
  const engine = createEngine({ block, sally: () => host.execute() });
  const close = () => {
    host.close();
    closeSync(shared);
  };
  return { engine, shared, close };
}

function inKeep(use: (parts: ReturnType<typeof keep>) => void, policy?: Policy): void {
  const parts = keep(policy);
  try {
    use(parts);
  } finally {
    parts.close();
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);

function openHow(flags: number, mode: number): Uint8Array {
  const how = new Uint8Array(24);
  new DataView(how.buffer).setUint32(0, flags, true);
  new DataView(how.buffer).setUint32(8, mode, true);
  return how;
}

test("flags and position of a shared description stay as they are, also through a duplicate", () => {
  inKeep(({ engine, shared }) => {
    const flags = syscall3(SYS.fcntl, shared, LINUX.F_GETFL, 0);
    const copy = engine.numbers(plans.dup, 0);
    assert.equal(copy, 3);
    for (const fd of [0, copy]) {
      assert.equal(engine.numbers(plans.fcntl, fd, 4, 0x800), -Errno.EPERM);
      assert.equal(engine.call(plans.ioctl, fd, 0x5421, Uint8Array.of(1, 0, 0, 0)), -Errno.EPERM);
      assert.equal(engine.seek(plans.lseek, fd, 1, 0, 0), -Errno.ESPIPE);
      assert.equal(engine.call(plans.statx, fd, null, 0, 0x7ff, new Uint8Array(256)), -Errno.EPERM);
    }
    assert.equal(syscall3(SYS.fcntl, shared, LINUX.F_GETFL, 0), flags);
  });
});

test("closing a shared descriptor leaves it open for the process", () => {
  inKeep(({ engine, shared }) => {
    assert.equal(engine.numbers(plans.close, 0), 0);
    assert.equal(engine.numbers(plans.close, 0), -Errno.EBADF);
    assert.ok(fstatSync(shared));
  });
});

test("no file gets the set-user-ID bit", () => {
  inKeep(({ engine }) => {
    const asked = openHow(LINUX.O_CREAT | LINUX.O_WRONLY, 0o4755);
    assert.equal(engine.call(plans.openat2, 1, bytes("program"), asked, null), -Errno.EINVAL);
    assert.equal(engine.call(plans.mkdirat, 1, bytes("folder"), 0o7700), 0);
    assert.equal(statSync(join(directory, "folder")).mode & 0o7000, 0);
  });
});

test("absolute links are not made, relative ones are", () => {
  inKeep(({ engine }) => {
    assert.equal(engine.call(plans.symlinkat, bytes("/etc/passwd"), 1, bytes("absolute")), -Errno.EPERM);
    assert.equal(engine.call(plans.symlinkat, bytes("folder"), 1, bytes("relative")), 0);
  });
});

test("clocks of other processes, of devices and of the whole process are not read", () => {
  inKeep(({ engine }) => {
    for (const clock of [2, 12, -6, -14, (process.pid << 3) ^ -1]) {
      assert.equal(engine.clock(clock), -Errno.EINVAL);
      assert.equal(engine.call(plans.clock_getres, clock, new Uint8Array(16)), -Errno.EINVAL);
    }
    for (const clock of [0, 1, 3]) assert.equal(engine.clock(clock), 0);
  });
});

test("of a socket's options those that concern it alone can be set", () => {
  inKeep(({ engine }) => {
    const one = Uint8Array.of(1, 0, 0, 0);
    assert.equal(engine.call(plans.setsockopt, 2, 1, 2, one), 0, "SO_REUSEADDR");
    assert.equal(engine.call(plans.setsockopt, 2, 6, 1, one), 0, "TCP_NODELAY");
    const refused = [
      [1, 25], // SO_BINDTODEVICE
      [1, 26], // SO_ATTACH_FILTER
      [1, 36], // SO_MARK
      [0, 64], // IPT_SO_SET_REPLACE
      [0, 19], // IP_TRANSPARENT
    ];
    for (const [level, name] of refused) {
      assert.equal(engine.call(plans.setsockopt, 2, level, name, one), -Errno.ENOPROTOOPT);
    }
  });
});

test("sockets are made, bound and connected only where the policy says so", () => {
  const address = Uint8Array.of(2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
  inKeep(({ engine }) => {
    assert.equal(engine.numbers(plans.socket, 2, 1, 0), -Errno.EACCES);
    assert.equal(engine.call(plans.bind, 2, address), -Errno.EACCES);
    assert.equal(engine.call(plans.connect, 2, address), -Errno.EACCES);
  });
  inKeep(
    ({ engine }) => {
      assert.equal(engine.numbers(plans.socket, 2, 1, 0), 3);
      assert.equal(engine.call(plans.bind, 3, address), 0);
    },
    { sockets: true },
  );
});

test("a policy refuses calls with its errno, and sees every request", () => {
  const seen: string[] = [];
  const decide = (request: { name: string }) => {
    seen.push(request.name);
    return request.name === "mkdirat" ? Errno.EACCES : 0;
  };
  inKeep(
    ({ engine }) => {
      assert.equal(engine.numbers(plans.sync), -Errno.ENOSYS);
      assert.equal(engine.call(plans.mkdirat, 1, bytes("other"), 0o700), -Errno.EACCES);
      assert.equal(engine.numbers(plans.sched_yield), 0);
    },
    { refuse: { sync: Errno.ENOSYS }, decide },
  );
  assert.deepEqual(seen, ["mkdirat", "sched_yield"]);
});
