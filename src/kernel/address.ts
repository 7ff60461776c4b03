/** From JavaScript's views to addresses, and back. */

import { PosternError } from "../errors.js";
import { koffi } from "./libc.js";

/** The largest view koffi can make: 8 GiB aborts the process, 4 GiB works. */
const VIEW_BYTES_MAX = 4 * 1024 ** 3;

/**
 * Address of the first byte of a view, as a Number (addresses of user space have 47 to 52 bits). Ask once and keep it:
 * it costs 50 ns, and it does not change while the buffer is alive and not detached.
 *
 * Keep the buffer in a module constant or a field of something that lives as long as the address is used. The garbage
 * collector does not know about addresses, and in optimised code even a local variable is dead after its last use.
 * For a SharedArrayBuffer pass a typed array over it.
 */
export function addressOf(view: ArrayBufferView): number {
  return Number(koffi.address(view));
}

/**
 * Memory at an address as an ArrayBuffer, without a copy and without an owner: using the buffer after the mapping is
 * gone kills the process, and so does touching a page that is not readable.
 *
 * @param address address of the first byte, of memory that stays mapped as long as the buffer is used
 * @param length bytes, at most 4 GiB
 * @throws PosternError EINVALIDARGUMENT for a null or impossible address or length
 */
export function viewOf(address: number, length: number): ArrayBuffer {
  const usable = Number.isSafeInteger(address) && address > 0 && Number.isSafeInteger(length) && length >= 0;
  if (!usable || length > VIEW_BYTES_MAX) {
    throw new PosternError(
      "EINVALIDARGUMENT",
      `Cannot view ${length} bytes at address ${address}: a view is 0 to ${VIEW_BYTES_MAX} bytes at a real address.`,
    );
  }
  return length === 0 ? new ArrayBuffer(0) : koffi.view(BigInt(address), length);
}
