/** The host of the short way and the host in JavaScript, each over a block, descriptors and a directory of its own. */
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DescriptorTable } from "#src/host/descriptors.js";
import { createHost, type Host } from "#src/host/host.js";
import type { Window } from "#src/host/request.js";
import { writeShortWays } from "#src/host/short-way.js";
import { clockGettimeAddress } from "#src/kernel/clock.js";
import { type FarExecutor, farExecutor } from "#src/kernel/executor.js";
import { addressOf, LINUX, STRUCTS, SYS, syscall2 } from "#src/kernel/index.js";
import { randomSource } from "#src/kernel/random.js";
import type { Block } from "#src/sallyport/block.js";
import { Right } from "#src/sallyport/call.js";
import {
  CLOCK,
  HELD,
  HERE,
  instantiate,
  MEMORY_PAGE_BYTES,
  PLAN_COUNT,
  PLANS,
  RANDOM,
  WINDOW,
  WINDOW_BYTES as WINDOW_ROOM,
} from "#src/short-way/index.js";
import { hostModule, type PartMemory, partMemory } from "./parts.js";

const { READ, WRITE, CHANGE, LOOKUP } = Right;
export const LIMIT = 16;
/** Bytes of the program's memory. */
export const WINDOW_BYTES = 65536;
const EVENTFD_NONBLOCK = 0x800;
const HELD_COUNT = 5;
const nothing = (): number => 0;

/** A directory to play in, and around it what nobody may reach. */
export class Place {
  readonly root = mkdtempSync(join(tmpdir(), "postern-short-way-"));
  readonly inside = join(this.root, "inside");

  /** Makes everything anew. */
  refill(): void {
    rmSync(this.inside, { recursive: true, force: true });
    mkdirSync(join(this.inside, "d/e"), { recursive: true });
    writeFileSync(join(this.root, "outside"), "nobody reads this");
    writeFileSync(join(this.inside, "f"), "contents of f");
    writeFileSync(join(this.inside, "d/g"), "0123456789".repeat(30));
    writeFileSync(join(this.inside, "granted"), "granted for everything");
    writeFileSync(join(this.inside, "read"), "granted for reading");
    symlinkSync("f", join(this.inside, "link"));
    symlinkSync("nowhere", join(this.inside, "dangling"));
    symlinkSync("../outside", join(this.inside, "out"));
    symlinkSync("/etc/passwd", join(this.inside, "absolute"));
    symlinkSync("d/../..", join(this.inside, "up"));
    symlinkSync("loop", join(this.inside, "loop"));
    symlinkSync("d", join(this.inside, "folder"));
  }

  /** What lies in the directory: names, types and contents. */
  tree(folder = this.inside): unknown {
    return readdirSync(folder)
      .sort()
      .map((name) => {
        const path = join(folder, name);
        const status = lstatSync(path);
        if (status.isDirectory()) return [name, this.tree(path)];
        return [name, status.mode, status.isSymbolicLink() ? readlinkSync(path) : readFileSync(path, "latin1")];
      });
  }

  close(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Fills a table: see the numbers. */
function grant(table: DescriptorTable, { inside }: Place): void {
  const folder = constants.O_RDONLY | constants.O_DIRECTORY;
  const granted = join(inside, "granted");
  table.set(1, openSync(granted, "r+"), READ | WRITE | CHANGE, true);
  table.set(2, openSync(join(inside, "read"), "r"), READ, true);
  table.set(3, openSync(inside, folder), READ | WRITE | CHANGE | LOOKUP, true);
  table.set(4, openSync(inside, folder), READ | LOOKUP, true);
  table.set(5, openSync(join(inside, "d"), folder), READ, true);
  table.set(6, openSync(granted, "r+"), READ | WRITE, false);
  table.set(7, syscall2(SYS.eventfd2, 1, EVENTFD_NONBLOCK | LINUX.O_CLOEXEC), READ | WRITE, true);
  table.set(8, openSync("/dev/null", "r+"), READ | WRITE, true);
  table.set(9, openSync(inside, folder), READ | LOOKUP, false);
  table.set(10, openSync(granted, "r+"), WRITE, true);
}

/** A host with all it works on. */
export class Side {
  readonly place = new Place();
  readonly parts: PartMemory = partMemory(LIMIT);
  readonly block: Block = this.parts.block;
  readonly program = new Uint8Array(WINDOW_BYTES);
  readonly held = new Int32Array(this.parts.memory.buffer, HELD, HELD_COUNT);
  /** How many blocks the host in JavaScript executed. */
  executed = 0;
  table!: DescriptorTable;
  #host!: Host;
  /** Native descriptors that no host closes. */
  #shared: readonly number[] = [];
  readonly #far: FarExecutor | undefined;
  readonly #sally: () => number;

  /** @param short whether blocks go the short way first */
  constructor(short: boolean) {
    const other = (): number => {
      this.executed++;
      return this.#host.execute();
    };
    this.#far = short ? farExecutor() : undefined;
    this.#sally = this.#far === undefined ? other : this.#link(this.#far, other);
  }

  #link(far: FarExecutor, other: () => number): () => number {
    const { memory, address } = this.parts;
    const words = new BigUint64Array(memory.buffer);
    const set = (at: number, value: number) => {
      words[at / 8] = BigInt(value);
    };
    far.aim(address);
    set(HERE, address);
    set(CLOCK, clockGettimeAddress());
    set(WINDOW, addressOf(this.program));
    set(WINDOW_ROOM, WINDOW_BYTES);
    writeShortWays(new Uint32Array(memory.buffer, PLANS, PLAN_COUNT));
    const { run, runThen, runFunction } = far;
    const exports = instantiate(hostModule, memory, {
      run,
      runThen,
      runFunction,
      runOften: run,
      runFunctionOften: runFunction,
      other,
      adopt: (...all: Parameters<Host["adopt"]>) => this.#host.adopt(...all),
      findRandom: () => {
        const source = randomSource();
        if (source === undefined) return;
        set(RANDOM + 8, source.state);
        set(RANDOM + 16, source.stateLength);
        set(RANDOM, source.address);
      },
      LIMIT,
      FSTAT: SYS.fstat,
      MODE_OFFSET: STRUCTS.stat.fields.st_mode.offset,
      TRACE: 0,
      traceOther: nothing,
      flushTrace: nothing,
      windowPages: () => WINDOW_BYTES / MEMORY_PAGE_BYTES,
      peek: nothing,
      peekWord: () => 0n,
    });
    return exports.execute as () => number;
  }

  /** Everything as at first. */
  begin(): void {
    this.place.refill();
    const { rows } = this.parts;
    rows.fill(-1, 0, LIMIT).fill(0, LIMIT);
    this.table = new DescriptorTable(rows);
    grant(this.table, this.place);
    this.#shared = [this.table.native[6]!, this.table.native[9]!];
    const { program } = this;
    const window: Window = { address: () => addressOf(program), bytes: () => program };
    this.#host = createHost({ block: this.block, descriptors: this.table, held: this.held, window });
    this.program.forEach((_, index) => {
      program[index] = index * 7;
    });
  }

  /** Executes the block. @returns what that answered, or the code of the error it threw and where */
  execute(): unknown {
    try {
      return this.#sally();
    } catch (error) {
      const { code, offset } = error as { code?: string; offset?: number };
      if (code !== "EBADBLOCK") throw error;
      return [code, offset];
    }
  }

  /** The rows: what is open where, with which rights. The hint where a free number may be must not be above one. */
  descriptors(): string[] {
    const found: string[] = [];
    for (let number = 0; number < LIMIT; number++) {
      const native = this.table.native[number]!;
      const path = native < 0 ? `${native}` : readlinkSync(`/proc/self/fd/${native}`);
      found.push(`${path.replace(this.place.root, "").replace(/\d+\]/, "]")} ${this.table.rights[number]}`);
    }
    return found;
  }

  /** Flags of what is open there, as Linux has them. */
  flags(number: number): string {
    const told = readFileSync(`/proc/self/fdinfo/${this.table.native[number]}`, "latin1");
    return /flags:\t(\d+)/.exec(told)![1]!;
  }

  /** Lowest number that may be free, as the rows say. */
  get hint(): number {
    return this.parts.rows[2 * LIMIT]!;
  }

  /** Closes what a case left open. */
  end(): void {
    this.#host.close();
    for (const native of this.#shared) closeSync(native);
  }

  close(): void {
    this.#far?.release();
    this.place.close();
  }
}
