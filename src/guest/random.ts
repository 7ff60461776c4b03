/** Randomness for the program. It never comes from the host. */
import { PosternError } from "../errors.js";
import { Errno, GRND_NONBLOCK, GRND_RANDOM } from "../sallyport/linux.js";

/** Fills `into`, at most 4096 private bytes, with random bytes. @returns false when this draw failed */
export type RandomSource = (into: Uint8Array) => boolean;

/** Bytes of one draw. */
const DRAW_BYTES = 4096;
/** Failing draws in a row after which a caller that wanted to wait gets an error. */
const RETRIES_MAX = 10_000;

/**
 * The engine's own cryptographic generator (Web Crypto).
 * @throws PosternError EUNSUPPORTED where there is none
 */
export const secureRandom: RandomSource = (into) => {
  const source = globalThis.crypto;
  if (source === undefined) {
    throw new PosternError("EUNSUPPORTED", "no source of randomness here: pass one as the option `random`");
  }
  source.getRandomValues(into as Uint8Array<ArrayBuffer>);
  return true;
};

/**
 * getrandom(2), answered in the guest.
 * @param buffer receives the bytes
 * @param flags GRND_NONBLOCK: a failing draw gives EAGAIN; GRND_RANDOM: it gives the bytes so far; neither: try again
 * @returns bytes written, or -errno
 */
export function getrandom(source: RandomSource, buffer: Uint8Array, flags: number): number {
  if ((flags & ~(GRND_NONBLOCK | GRND_RANDOM)) !== 0) return -Errno.EINVAL;
  const draw = new Uint8Array(Math.min(buffer.length, DRAW_BYTES));
  let failures = 0;
  let done = 0;
  while (done < buffer.length) {
    const part = draw.subarray(0, Math.min(DRAW_BYTES, buffer.length - done));
    if (source(part)) {
      buffer.set(part, done);
      done += part.length;
      failures = 0;
      continue;
    }
    if ((flags & GRND_NONBLOCK) !== 0) return -Errno.EAGAIN;
    if ((flags & GRND_RANDOM) !== 0) return done;
    if (++failures === RETRIES_MAX) return -Errno.EIO;
  }
  return done;
}
