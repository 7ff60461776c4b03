/**
 * The host's part of the older generation: a request becomes a system call of this process, exactly as it stands.
 *
 * There is no policy in that generation. Whoever can write the block can make any system call with any pointer, so use
 * this for a guest you trust as much as the process itself, for tests, and for comparing the generations.
 */
import {
  addressOf,
  architecture,
  SYS,
  type SystemCallNumbers,
  syscallWide,
  systemCallNumbers,
  vdsoClockGettime,
} from "../kernel/index.js";
import { BLOCK_SIZE, Block, Reply, type Request } from "../sallyport/v02/index.js";

const ENOSYS = 38n;
const TIMESPEC_SIZE = 16n;
const WIRE_NUMBERS = systemCallNumbers("x86_64");
const CLOCK_GETTIME = BigInt(WIRE_NUMBERS.clock_gettime);

/** From numbers on the wire, which are those of x86-64, to this machine's. */
const NUMBERS: ReadonlyMap<bigint, number> = new Map(
  Object.entries(WIRE_NUMBERS).flatMap(([name, wire]) => {
    const here = SYS[name as keyof SystemCallNumbers];
    return here === undefined ? [] : [[BigInt(wire), here] as const];
  }),
);

/** This machine's number for a number on the wire, or null. On x86-64 the kernel itself answers for unknown ones. */
function numberHere(wire: bigint): number | null {
  if (architecture !== "x86_64") return NUMBERS.get(wire) ?? null;
  const number = Number(BigInt.asIntN(64, wire));
  return Number.isSafeInteger(number) ? number : null;
}

/**
 * Makes the system call a request asks for, on this thread and without any check, and gives the kernel's answer.
 *
 * The first return value is the kernel's, the second the third argument, which the kernel preserves. `clock_gettime` is
 * special, as in the original: a failure is the **positive** errno and so reads as a success, and the second value is
 * zero. It goes through the vDSO where its pointer lies in `block`, and through the system call otherwise, since a bad
 * pointer would kill the process in the vDSO.
 *
 * @param request number (of x86-64) and arguments; the first six count; pointers are addresses of this process
 * @param block the block the request came in, at its real address
 */
export function requestSyscall(request: Request, block?: Block): Reply {
  const wire = request.num.toBigInt();
  const [a, b, c, d, e, f] = request.arg.map((each) => BigInt.asIntN(64, each.toBigInt()));
  if (wire === CLOCK_GETTIME) return clockGettime(request.arg[0]!.low | 0, request.arg[1]!.toBigInt(), block);
  const number = numberHere(wire);
  const value = number === null ? -ENOSYS : syscallWide(number, a, b, c, d, e, f);
  return new Reply([value, request.arg[2]!]);
}

function clockGettime(clock: number, address: bigint, block: Block | undefined): Reply {
  const value = liesIn(block, address)
    ? vdsoClockGettime(clock, Number(address))
    : Number(syscallWide(SYS.clock_gettime, clock, BigInt.asIntN(64, address)));
  return new Reply([value < 0 ? -value : value, 0]);
}

function liesIn(block: Block | undefined, address: bigint): boolean {
  if (block === undefined || block.address === 0n) return false;
  return address >= block.address && address + TIMESPEC_SIZE <= block.address + BigInt(BLOCK_SIZE);
}

/** A new block of this process, at its real address. Keep it referenced while the address is used. */
export function newBlock(): Block {
  const bytes = new Uint8Array(BLOCK_SIZE);
  return new Block(bytes, BigInt(addressOf(bytes)));
}

/** Answers the request at the start of a block: makes the system call and puts the reply in its place. */
export function executeBlock(block: Block): void {
  const request = block.message.readRequest();
  block.message.writeReply(requestSyscall(request, block));
}
