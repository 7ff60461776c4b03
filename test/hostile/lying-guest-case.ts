/** Cases of a lying guest: the items it puts in the block, and what it overwrites afterwards. */
import { type CallName, plans } from "postern/sallyport";
import type { Random } from "./random.js";

/** One item as the guest writes it. */
export interface ItemCase {
  readonly kind: bigint;
  /** What the header says; null: the true size. */
  readonly size: bigint | null;
  readonly number: bigint;
  readonly args: readonly bigint[];
  /** Bytes of the data section, whole words. */
  readonly dataBytes: number;
  /** What the data holds: a text at its start, noise behind it. */
  readonly text: string;
  readonly seed: number;
}

export interface LyingGuestCase {
  readonly compatible: boolean;
  readonly words: number;
  readonly items: readonly ItemCase[];
  /** Words overwritten at last, wherever they lie: headers too. */
  readonly trash: readonly { readonly at: number; readonly word: bigint }[];
}

const CALLS = (Object.keys(plans) as CallName[]).map((name) => plans[name]).filter(({ kind }) => kind === 1);
const WORD = 2n ** 64n;
const EDGES: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 7n, 8n, 15n, 16n, 24n, 71n, 72n, 73n, 80n, 4095n, 4096n, 65535n, 65536n],
  ...[2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 32n + 8n, 2n ** 53n, 2n ** 61n, 2n ** 63n - 1n],
  ...[2n ** 63n, WORD - 4096n, WORD - 16n, WORD - 8n, WORD - 2n, WORD - 1n],
];
/** Flags and commands that lead somewhere: of open, fcntl, ioctl, sockets, epoll. */
const FLAGS: readonly bigint[] = [4n, 0x40n, 0x241n, 0x800n, 0x80800n, 0x10000n, 0x200000n, 0x541bn, 0x1000n, 0x4000n];
const TEXTS = [
  "f",
  "d/f",
  "../outside",
  "/etc/passwd",
  "link",
  "d/../../outside",
  "",
  ".",
  "..",
  "d/",
  "x/y/z",
  "name",
];
const DESCRIPTORS = 10;
const DATA_BYTES_MAX = 640;

function argument(random: Random, dataBytes: number): bigint {
  switch (random.below(8)) {
    case 0:
      return random.pick(EDGES);
    case 1:
      return random.pick(FLAGS);
    case 2:
      return random.word();
    case 3:
      return BigInt(random.below(dataBytes + 24));
    case 4:
      return BigInt(random.below(dataBytes / 8 + 2) * 8);
    case 5:
      return WORD - 1n;
    default:
      return BigInt(random.below(DESCRIPTORS));
  }
}

/** Arguments of which most fit the call, so that the kernel is reached often. */
function argumentsOf(random: Random, name: CallName, dataBytes: number): bigint[] {
  const plan = plans[name];
  return Array.from({ length: 6 }, (_, slot) => {
    const parameter = plan.parameters[plan.slotParameter[slot] ?? -1];
    if (parameter === undefined || random.once(5)) return argument(random, dataBytes);
    if (plan.slotPart[slot] === 0) return random.once(3) ? random.pick(FLAGS) : BigInt(random.below(DESCRIPTORS));
    if (plan.slotPart[slot] === 1) return random.once(2) ? 0n : BigInt(random.below(dataBytes / 8 + 1) * 8);
    return BigInt(random.below(dataBytes + 1));
  });
}

function item(random: Random): ItemCase {
  const dataBytes = 8 * random.below(DATA_BYTES_MAX / 8);
  const { name, number } = random.pick(CALLS);
  return {
    kind: random.once(12) ? random.pick(EDGES) : random.once(16) ? 2n + BigInt(random.below(2)) : 1n,
    size: random.once(12) ? random.pick(EDGES) : null,
    number: random.once(16) ? random.pick(EDGES) : BigInt(number),
    args: argumentsOf(random, name as CallName, dataBytes),
    dataBytes,
    text: random.pick(TEXTS),
    seed: random.next(),
  };
}

/** Makes a case. */
export function generate(random: Random): LyingGuestCase {
  const words = random.once(8) ? random.below(24) : 64 + random.below(256);
  return {
    compatible: random.once(2),
    words,
    items: Array.from({ length: 1 + random.below(4) }, () => item(random)),
    trash: Array.from({ length: random.once(3) ? random.below(4) : 0 }, () => ({
      at: random.below(Math.max(1, words)),
      word: random.once(2) ? random.word() : random.pick(EDGES),
    })),
  };
}

/** Simpler cases. */
export function* simpler(attempt: LyingGuestCase): Iterable<LyingGuestCase> {
  const { items, trash } = attempt;
  for (let i = 0; i < trash.length; i++) yield { ...attempt, trash: trash.toSpliced(i, 1) };
  for (let i = 0; i < items.length; i++) yield { ...attempt, items: items.toSpliced(i, 1) };
  for (let i = 0; i < items.length; i++) {
    const each = items[i]!;
    for (let slot = 0; slot < each.args.length; slot++) {
      if (each.args[slot] === 0n) continue;
      yield { ...attempt, items: items.with(i, { ...each, args: each.args.with(slot, 0n) }) };
    }
    if (each.size !== null) yield { ...attempt, items: items.with(i, { ...each, size: null }) };
  }
}
