/**
 * Measures the boundary by itself, without a program: protocol SUBJECT=CALLS. One subject for each process, because
 * engines of several keeps in one isolate share their feedback and slow each other down.
 */
import { openSync } from "node:fs";
import { type Batch, createEngine, createHandler, type Engine, request as member } from "#src/guest/index.js";
import { createHost, DescriptorTable, descriptorRows, type Host } from "#src/host/index.js";
import { BLOCK_BYTES, Block, plans } from "#src/sallyport/index.js";
import { measure, request } from "./measure.js";

const WRITE = 2;
const DESCRIPTORS = 16;
const CLOCK_MONOTONIC = 1;
const SMALL = 64;
/** Halves of a block's first item where the return value stands. */
const RETURN_LOW = 18;
const RETURN_HIGH = 19;

const block = new Block(new ArrayBuffer(BLOCK_BYTES));
const memoryBytes = new Uint8Array(65536);
const memory = { bytes: memoryBytes, longs: new BigUint64Array(memoryBytes.buffer) };
const small = new Uint8Array(SMALL);

/** A guest whose host only answers the same value always. */
function guestAlone(answer: number): Engine {
  const { halves } = block;
  const sally = (): number => {
    halves[RETURN_LOW] = answer;
    halves[RETURN_HIGH] = 0;
    return 0;
  };
  return createEngine({ block, sally });
}

/** A host with a descriptor that takes everything. */
function sink(): { readonly host: Host; readonly descriptor: number } {
  const descriptors = new DescriptorTable(descriptorRows(DESCRIPTORS));
  const descriptor = descriptors.add(openSync("/dev/null", "w"), WRITE, true);
  return { host: createHost({ block, descriptors }), descriptor };
}

function guestAndHost(): { readonly engine: Engine; readonly descriptor: number } {
  const { host, descriptor } = sink();
  return { engine: createEngine({ block, sally: () => host.execute() }), descriptor };
}

function expect(value: number, wanted: number): void {
  if (value !== wanted) throw new Error(`a call answered ${value}, not ${wanted}`);
}

const writes = (engine: Engine, descriptor: number) => (calls: number) => {
  const { write } = plans;
  for (let i = 0; i < calls; i++) expect(engine.transfer(write, descriptor, memory, 0, SMALL), SMALL);
};
const clocks = (engine: Engine) => (calls: number) => {
  for (let i = 0; i < calls; i++) expect(engine.clock(CLOCK_MONOTONIC), 0);
};
const users = (engine: Engine) => {
  const handler = createHandler({ engine });
  return (calls: number) => {
    let sum = 0;
    for (let i = 0; i < calls; i++) sum += handler.getuid();
    if (sum <= 0) throw new Error("getuid gave no number");
  };
};

/** Writes of 64 bytes, `size` of them handed over at once. */
function batches(size: number): (calls: number) => void {
  const { engine, descriptor } = guestAndHost();
  const handler = createHandler({ engine });
  const batch: Batch = Array.from({ length: size }, () => member("write", descriptor, small));
  return (calls) => {
    for (let done = 0; done < calls; done += size) {
      const results = handler.batch(batch);
      if (typeof results === "number") throw new Error(`a batch answered ${results}`);
      expect(results.length, size);
    }
  };
}

const guest = { write: () => writes(guestAlone(SMALL), 1), clock: () => clocks(guestAlone(0)) };
const round = {
  write: () => {
    const { engine, descriptor } = guestAndHost();
    return writes(engine, descriptor);
  },
  clock: () => clocks(guestAndHost().engine),
};

/** What can be measured: a loop, made in its process. */
const loops: Readonly<Record<string, () => (calls: number) => void>> = {
  "guest-write-64": guest.write,
  "guest-clock": guest.clock,
  "guest-getuid": () => users(guestAlone(0)),
  "round-write-64": round.write,
  "round-clock": round.clock,
  "round-getuid": () => users(guestAndHost().engine),
  "batch-1": () => batches(1),
  "batch-4": () => batches(4),
  "batch-16": () => batches(16),
  "batch-64": () => batches(64),
};

const { name, calls } = request(process.argv[2] ?? "");
const make = loops[name];
if (make === undefined) throw new Error(`unknown subject: ${name}`);
measure(name, calls, make());
