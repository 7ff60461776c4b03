// The fast ways of openat2 and statx write what the general way writes, byte for byte, and give what it gives.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createEngine, type Engine } from "postern/guest";
import { Block, plans } from "postern/sallyport";

const BLOCK_WORDS = 1024;
const ENOENT = 2;
const ENOMEM = 12;
const RETURN = 18;
const STATUS_BYTES = 256;

/** An engine over a block of leftovers, whose host answers with `reply`; `sent` is the block as it was handed over. */
function engineWith(reply: (halves: Uint32Array) => void, words = BLOCK_WORDS) {
  const block = Block.ofWords(words);
  block.bytes.fill(0xa5);
  const seen = { sent: new Uint8Array(0) };
  const sally = (): number => {
    seen.sent = block.bytes.slice();
    reply(block.halves);
    return 0;
  };
  return { engine: createEngine({ block, sally }), seen };
}

/** What both ways leave, and what they hand over. */
function both<T>(reply: (halves: Uint32Array) => void, ways: readonly ((engine: Engine) => T)[], words?: number): T {
  const outcomes = ways.map((way) => {
    const { engine, seen } = engineWith(reply, words);
    return { value: way(engine), errno: engine.state.errno, sent: seen.sent };
  });
  assert.deepEqual(outcomes[0], outcomes[1]);
  return outcomes[0]!.value;
}

const answers =
  (low: number, high = 0) =>
  (halves: Uint32Array) => {
    halves[RETURN] = low;
    halves[RETURN + 1] = high;
  };
const paths = fc.uint8Array({ min: 1, max: 255, minLength: 1, maxLength: 300 });

describe("statx", () => {
  const status = (path: Uint8Array | null, words?: number, reply = answers(0)) => {
    const of = (way: (engine: Engine, into: Uint8Array) => number) => (engine: Engine) => {
      const bytes = new Uint8Array(STATUS_BYTES);
      return [way(engine, bytes), Buffer.from(bytes).toString("hex")];
    };
    return both(
      reply,
      [
        of((engine, into) => engine.status(7, path ?? new Uint8Array(1), path?.length ?? 0, 0x100, 0x7ff, into)),
        of((engine, into) => engine.call(plans.statx, 7, path, 0x100, 0x7ff, into)),
      ],
      words,
    );
  };

  it("of any path", () => fc.assert(fc.property(paths, (path) => void status(path))));

  it("of the descriptor itself", () => assert.equal(status(null)[0], 0));

  it("gives the structure as the host left it", () => {
    const reply = (halves: Uint32Array) => {
      for (let i = 0; i < STATUS_BYTES / 4; i++) halves[22 + i] = i * 0x01010101;
      answers(0)(halves);
    };
    const [value, bytes] = status(Uint8Array.of(97), undefined, reply);
    assert.equal(value, 0);
    assert.match(bytes as string, /^000000000101010102020202/);
  });

  it("leaves the structure alone when it failed", () => {
    const [value, bytes] = status(Uint8Array.of(97), undefined, answers(-ENOENT >>> 0, 0xffffffff));
    assert.equal(value, -ENOENT);
    assert.match(bytes as string, /^0+$/);
  });

  it("does not begin where the block is too small", () => {
    for (let words = 40; words < 52; words++) {
      const [value] = status(
        Uint8Array.from({ length: 20 }, () => 98),
        words,
      );
      if (words === 40) assert.equal(value, -ENOMEM);
      if (words === 51) assert.equal(value, 0);
    }
  });
});

describe("openat2", () => {
  const open = (path: Uint8Array, reply = answers(9)) =>
    both(reply, [
      (engine) => engine.open(5, path, path.length, 0x80000, 0o640),
      (engine) => {
        const how = new Uint8Array(24);
        const view = new DataView(how.buffer);
        view.setUint32(0, 0x80000, true);
        view.setUint32(8, 0o640, true);
        return engine.call(plans.openat2, 5, path, how, new Uint8Array(4));
      },
    ]);

  it("of any path", () => fc.assert(fc.property(paths, (path) => assert.equal(open(path), 9))));

  it("that fails", () => assert.equal(open(Uint8Array.of(97), answers(-ENOENT >>> 0, 0xffffffff)), -ENOENT));
});
