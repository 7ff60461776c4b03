import assert from "node:assert/strict";
import { openSync, writeSync } from "node:fs";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { createHost, type Host } from "postern/host";
import { Block } from "postern/sallyport";
import { PosternError } from "#src/errors.js";
import { type CreateHost, execute, fill, lyingGuest, Playground, WAITING_CALLS } from "./lying-guest.js";
import { generate } from "./lying-guest-case.js";
import { Random } from "./random.js";
import { runSeries } from "./side.js";

const fresh = Date.now() >>> 0;

for (const seed of [1, fresh]) {
  test(`a host does nothing for a guest but what was granted (seed ${seed})`, () => {
    const side = lyingGuest();
    try {
      assert.equal(runSeries(side, { seed, cases: 3000 }).failure, undefined);
    } finally {
      side.close();
    }
  });
}

test(`a block of any words is executed or refused (seed ${fresh})`, () => {
  const side = lyingGuest();
  const anyWords = fc.array(fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 100n })), {
    maxLength: 80,
  });
  try {
    fc.assert(
      fc.property(anyWords, fc.boolean(), (words, compatible) =>
        side.run({
          compatible,
          words: words.length,
          items: [],
          trash: words.map((word, at) => ({ at, word })),
        }),
      ),
      { seed: fresh | 0, numRuns: 500 },
    );
  } finally {
    side.close();
  }
});

/** Hosts with one fault each. */
const FAULTS: readonly { readonly name: string; readonly create: CreateHost }[] = [
  {
    name: "writes behind the block",
    create: (options) => {
      const { bytes } = options.block;
      return wrapped(createHost(options), () =>
        new Uint8Array(bytes.buffer, bytes.byteOffset + bytes.length).fill(1, 0, 1),
      );
    },
  },
  {
    name: "changes an argument",
    create: (options) => wrapped(createHost(options), () => options.block.bytes.fill(0x5a, 24, 25)),
  },
  {
    name: "leaves a descriptor open",
    create: (options) => wrapped(createHost(options), () => openSync("/dev/null", "r")),
  },
  {
    name: "throws what is no PosternError",
    create: (options) =>
      wrapped(createHost(options), () => {
        throw new TypeError("a bug");
      }),
  },
  {
    name: "writes to what was granted for reading",
    create: (options) => wrapped(createHost(options), () => writeSync(options.descriptors!.native[2]!, "written")),
  },
  {
    name: "takes malformed blocks",
    create: (options) => {
      const executor = createHost(options);
      return {
        ...executor,
        execute: () => {
          try {
            return executor.execute();
          } catch (error) {
            if (error instanceof PosternError) return 0;
            throw error;
          }
        },
      };
    },
  },
];

function wrapped(executor: Host, fault: () => unknown): Host {
  return {
    ...executor,
    execute: () => {
      fault();
      return executor.execute();
    },
  };
}

for (const { name, create } of FAULTS) {
  test(`a host is caught that ${name}`, () => {
    const side = lyingGuest(create);
    try {
      assert.notEqual(runSeries(side, { seed: 1, cases: 500 }).failure, undefined);
    } finally {
      side.close();
    }
  });
}

test(`a block that another thread keeps changing makes no host crash or stray (seed ${fresh})`, async () => {
  const GUARD_WORDS = 32;
  const WORDS = 128;
  const buffer = new SharedArrayBuffer(8 * (WORDS + 2 * GUARD_WORDS));
  const guards = [new Uint8Array(buffer, 0, 8 * GUARD_WORDS), new Uint8Array(buffer, 8 * (WORDS + GUARD_WORDS))];
  for (const guard of guards) guard.fill(0xa5);
  const control = new SharedArrayBuffer(8);
  const running = new Int32Array(control);
  running[0] = 1;
  const worker = new Worker(new URL("./restless-guest.js", import.meta.url), {
    workerData: { buffer, offset: 8 * GUARD_WORDS, length: WORDS, control, seed: fresh },
  });
  // What the guest asks for may change after it was looked at, so calls that can wait are refused by name.
  const refuse = Object.fromEntries(WAITING_CALLS.map((name) => [name, 1]));
  while (Atomics.load(running, 1) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const playground = new Playground();
  try {
    const random = new Random(fresh);
    const block = new Block(buffer, 8 * GUARD_WORDS, 8 * WORDS);
    let executed = 0;
    let refused = 0;
    for (const started = performance.now(); ; ) {
      const enough = performance.now() > started + 500 && executed > 100 && refused > 0;
      if (enough || performance.now() > started + 20_000) break;
      fill(block, generate(random));
      const compatible = random.once(2);
      const executor = createHost({
        block,
        compatible,
        descriptors: playground.grant(),
        limits: { outputBytes: 65536 },
        policy: { refuse },
      });
      if (execute(executor) === null) executed++;
      else refused++;
      for (const guard of guards)
        assert.ok(
          guard.every((byte) => byte === 0xa5),
          "a byte beside the block changed",
        );
    }
    playground.check();
    assert.ok(executed > 100 && refused > 0, `${executed} executed, ${refused} refused`);
  } finally {
    Atomics.store(running, 0, 0);
    await worker.terminate();
    playground.close();
  }
});
