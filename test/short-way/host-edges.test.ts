// Ranges and structures that end where they may, and just beyond: the host of the short way takes what the other takes.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { executor } from "#src/kernel/executor.js";
import { Errno } from "#src/sallyport/linux.js";
import { fill, type Placed } from "./attempts.js";
import { type Side, WINDOW_BYTES } from "./hosts.js";
import { ask, bothSides, DATA, item, NULL, WINDOW } from "./single.js";

const skip = executor === undefined && "there is machine code for x86-64 only";
const WORD = 2n ** 64n;
const DATA_BYTES = 320;
const STATX_BYTES = 256;

/** The block as it is now, but for what statx told. */
function left(side: Side, told?: bigint): string {
  const bytes = Buffer.from(side.block.bytes.subarray(0, 1024));
  const at = DATA + Number(told ?? 0n);
  if (told !== undefined && told <= BigInt(DATA_BYTES)) bytes.fill(0, at, at + STATX_BYTES);
  return bytes.toString("hex");
}

describe("at its edges the host of the short way", { skip }, () => {
  const { both } = bothSides();

  /** Places at and around the end of the data, for what has so many bytes. */
  const places = (bytes: number): bigint[] => [
    ...[0, 8, 16].map(BigInt),
    ...[-8, -4, -1, 0, 1, 4, 8].map((off) => BigInt(DATA_BYTES - bytes + off)),
    ...[-8, -4, -1, 0, 1, 8].map((off) => BigInt(DATA_BYTES + off)),
    ...[WORD - 8n, WORD - BigInt(bytes), WINDOW, WINDOW + 8n],
  ];
  const name = { at: 64, bytes: Buffer.from("f\0") };
  const none = { at: 0, bytes: new Uint8Array(DATA_BYTES) };

  /** Opens, and closes again: there are not so many numbers. */
  function open(side: Side, args: readonly bigint[], ...placed: readonly Placed[]): readonly (bigint | string)[] {
    const opened = ask(side, item("openat2", args, DATA_BYTES, placed));
    const block = left(side);
    if (opened >= 0n) ask(side, item("close", [opened]));
    return [opened, block];
  }

  it("reads struct open_how inside of the data alone", () => {
    const results = both((side) => places(24).map((how) => open(side, [3n, 64n, how, NULL], none, name)));
    assert.ok(results.some(([result]) => result === -BigInt(Errno.EFAULT)));
    assert.ok(results.some(([result]) => result === 0n));
  });

  it("writes the mode of what it opens inside of the data alone", () =>
    void both((side) => places(4).map((mode) => open(side, [3n, 64n, 0n, mode], none, name))));

  it("reads paths inside of the data alone", () => {
    const ends = [DATA_BYTES - 1, DATA_BYTES - 2, DATA_BYTES - 3];
    const paths = ends.map((at) => ({ at, bytes: Buffer.from("f\0") }));
    both((side) =>
      paths.flatMap((path) =>
        [BigInt(path.at), ...places(1)].map((at) => [
          open(side, [3n, at, 0n, NULL], none, path),
          ask(side, item("statx", [3n, at, 0n, 0n, 0n], DATA_BYTES, [none, path])),
        ]),
      ),
    );
  });

  it("tells what a file is inside of the data alone", () =>
    void both((side) =>
      places(STATX_BYTES).flatMap((output) =>
        [NULL, 300n].map((path) => {
          const placed = [none, { at: 300, bytes: Buffer.from("f\0") }];
          const answer = ask(side, item("statx", [3n, path, 0x100n, 0x7ffn, output], DATA_BYTES, placed));
          return [answer, left(side, output)];
        }),
      ),
    ));

  it("tells the time inside of the data alone", () =>
    void both((side) =>
      places(16).flatMap((at) =>
        [0, 8, 16, DATA_BYTES].map((bytes) => ask(side, item("clock_gettime", [1n, at], bytes))),
      ),
    ));

  it("takes no flags of getrandom but those that are known", () =>
    void both((side) =>
      [0n, 1n, 2n, 4n, 8n, 64n, WINDOW, WORD - 1n].map((flags) => ask(side, item("getrandom", [0n, 16n, flags], 16))),
    ));

  it("writes the whole of the program's memory, and not a byte beyond", () => {
    const ranges = [
      [0, WINDOW_BYTES],
      [WINDOW_BYTES - 1, 1],
      [WINDOW_BYTES, 0],
      [1, WINDOW_BYTES],
      [WINDOW_BYTES, 1],
      [WINDOW_BYTES + 1, 0],
      [0, WINDOW_BYTES + 1],
    ];
    const results = both((side) =>
      ranges.map(([start, length]) => {
        const where = [WINDOW + BigInt(start!), BigInt(length!), 0n];
        return [ask(side, item("pwrite64", [1n, ...where])), ask(side, item("pread64", [1n, ...where]))];
      }),
    );
    assert.deepEqual(
      results.flat().map((result) => result < 0n),
      [...Array(6).fill(false), ...Array(8).fill(true)],
    );
  });

  it("uses the whole of an item's data, and not a byte beyond", () =>
    void both((side) =>
      [
        [0, 16],
        [15, 1],
        [16, 0],
        [1, 16],
        [16, 1],
        [17, 0],
        [0, 17],
      ].map(([at, length]) => ask(side, item("pread64", [1n, BigInt(at!), BigInt(length!), 0n], 16))),
    ));

  it("does not take for the end what has no size and is no end", () => {
    const codes = both((side) =>
      [1n, 2n, 77n, WINDOW].map((kind) => {
        fill(side.block.bytes, { items: [item("close", [15n])], end: [0n, kind], trash: [] });
        return side.execute();
      }),
    );
    assert.deepEqual(codes[0], ["EBADBLOCK", DATA]);
  });
});
