/** Asking whether a descriptor is ready. */
import type { Engine } from "../../guest/engine.js";
import { plans } from "../../sallyport/calls.js";
import { FIONREAD } from "../../sallyport/linux.js";

/** struct pollfd: descriptor i32, events i16, what happened i16. */
export const Pollfd = { BYTES: 8, EVENTS: 4, REVENTS: 6 } as const;

/** Questions about one descriptor; numbers are the host's. */
export interface Readiness {
  /** What is ready at this moment: bits of poll, or a negative number of Linux. */
  now(descriptor: number, events: number): number;
  /** Bytes that can be read, 0 where Linux does not say. */
  available(descriptor: number): number;
}

export function createReadiness(engine: Engine): Readiness {
  const pollfd = new Uint8Array(Pollfd.BYTES);
  const pollfdView = new DataView(pollfd.buffer);
  const atOnce = new Uint8Array(16);
  const count = new Uint8Array(4);
  const countView = new DataView(count.buffer);

  function now(descriptor: number, events: number): number {
    pollfdView.setInt32(0, descriptor, true);
    pollfdView.setUint16(Pollfd.EVENTS, events, true);
    pollfdView.setUint16(Pollfd.REVENTS, 0, true);
    const ready = engine.call(plans.ppoll, pollfd, atOnce);
    return ready < 0 ? ready : pollfdView.getUint16(Pollfd.REVENTS, true);
  }

  function available(descriptor: number): number {
    countView.setUint32(0, 0, true);
    return engine.call(plans.ioctl, descriptor, FIONREAD, count) < 0 ? 0 : countView.getUint32(0, true);
  }

  return { now, available };
}
