/** A keep of the older generation with a scripted host, for tests. */
import {
  Block,
  FlatMemory,
  Reply,
  type Request,
  type Result,
  type ShimCalls,
  SyscallHandler,
} from "postern/sallyport/v02";

/** Where the block lies, as the host knows it: page-aligned. */
export const BLOCK_ADDRESS = 0x7f00_0000_0000n;
/** Address of the first byte of the buffer. */
export const BUF = BLOCK_ADDRESS + 64n;
/** Where the program's memory begins. */
export const BASE = 0x1_0000n;
export const MEMORY_SIZE = 256 * 1024;

export type Host = (request: Request, buffer: Uint8Array) => Result | Reply;

/** Return values of a host that succeeds. */
export function answer(first: number | bigint, second: number | bigint = 0): Reply {
  return new Reply([first, second]);
}

const REFUSING: ShimCalls = {
  brk: () => ({ err: 38 }),
  mmap: () => ({ err: 38 }),
  munmap: () => ({ err: 38 }),
  madvise: () => ({ err: 38 }),
  mprotect: () => ({ err: 38 }),
  arch_prctl: () => ({ err: 38 }),
  get_attestation: () => ({ err: 38 }),
};

export class Bench {
  readonly block = new Block(undefined, BLOCK_ADDRESS);
  readonly memory = new FlatMemory(new Uint8Array(MEMORY_SIZE), BASE);
  readonly requests: { num: bigint; arg: bigint[] }[] = [];
  readonly handler: SyscallHandler;

  constructor(
    host: Host = () => answer(0),
    shim: Partial<ShimCalls> = {},
    actions: Uint8Array | undefined = undefined,
  ) {
    this.handler = new SyscallHandler({
      block: this.block,
      memory: this.memory,
      shim: { ...REFUSING, ...shim },
      random: (target) => target.fill(0xa5),
      ...(actions === undefined ? {} : { actions }),
      sally: (block) => {
        const request = block.message.readRequest();
        this.requests.push({
          num: request.num.toBigInt(),
          arg: request.arg.map((each) => BigInt.asIntN(64, each.toBigInt())),
        });
        const reply = host(request, block.bytes.subarray(64));
        block.message.writeReply(reply instanceof Reply ? reply : Reply.fromResult(reply));
      },
    });
  }

  /** Puts bytes into the program's memory and gives their address. */
  put(offset: number, bytes: Uint8Array | string): bigint {
    this.memory.bytes.set(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes, offset);
    return BASE + BigInt(offset);
  }

  /** Bytes of the program's memory. */
  get(offset: number, length: number): Uint8Array {
    return this.memory.bytes.slice(offset, offset + length);
  }

  text(offset: number, length: number): string {
    return new TextDecoder().decode(this.get(offset, length));
  }

  /** Makes a call; the outcome with plain integers: both values signed, or the errno. */
  call(num: number | bigint, ...registers: (number | bigint)[]): { ok: [bigint, bigint] } | { err: number } {
    const result = this.handler.syscall(num, ...registers);
    if ("err" in result) return result;
    return { ok: [BigInt.asIntN(64, result.ok[0].toBigInt()), BigInt.asIntN(64, result.ok[1].toBigInt())] };
  }

  /** As {@link call}, the first value or the negative errno. */
  value(num: number | bigint, ...registers: (number | bigint)[]): number {
    const result = this.call(num, ...registers);
    return "err" in result ? -result.err : Number(result.ok[0]);
  }

  /** The arguments of the last request, and its number in front. */
  get last(): bigint[] {
    const request = this.requests.at(-1)!;
    return [request.num, ...request.arg];
  }
}

/** Little-endian words of the given sizes. */
export function words(size: 4 | 8, ...values: (number | bigint)[]): Uint8Array {
  const bytes = new Uint8Array(size * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    if (size === 4) view.setUint32(4 * index, Number(BigInt.asUintN(32, BigInt(value))), true);
    else view.setBigUint64(8 * index, BigInt.asUintN(64, BigInt(value)), true);
  });
  return bytes;
}
