/** mremap(2), made of the shim's mmap and munmap. */
import { Errno, MAP_ANONYMOUS, MAP_PRIVATE, PROT_EXEC, PROT_READ, PROT_WRITE } from "../sallyport/linux.js";
import type { Platform } from "./platform.js";
import type { Address, Shim } from "./shim.js";

/** How a mapping may be changed. */
export interface MremapFlags {
  /** MREMAP_MAYMOVE */
  readonly mayMove: boolean;
  /** MREMAP_DONTUNMAP */
  readonly dontUnmap: boolean;
  /** MREMAP_FIXED: the wished address; undefined for none. */
  readonly fixed?: Address | undefined;
}

/** What a remapping needs. */
export interface MremapContext {
  readonly platform: Platform;
  readonly shim: Shim;
  readonly compatible: boolean;
}

function accessible(platform: Platform, addr: Address, length: Address): boolean {
  const memory = platform.validateSlice(addr, length, 1, 1);
  platform.release();
  return memory !== null;
}

/** Moves a mapping to a larger place. */
function grow(context: MremapContext, addr: Address, oldSize: Address, newSize: Address, dontUnmap: boolean): number {
  const { platform, shim, compatible } = context;
  if (!accessible(platform, addr, oldSize)) return -Errno.EINVAL;
  // The original makes the new place executable, whatever the old one was.
  const prot = PROT_READ | PROT_WRITE | (compatible ? PROT_EXEC : 0);
  const place = shim.mmap(0, newSize, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place < 0) return place;
  const from = platform.validateSlice(addr, oldSize, 1, 1);
  const to = platform.validateSliceMut(place, newSize, 1, 1);
  platform.release();
  if (from === null || to === null) return -Errno.EFAULT;
  to.set(from);
  if (!dontUnmap) shim.munmap(addr, oldSize);
  return place;
}

/**
 * Changes the size of a mapping.
 * @param addr where it is
 * @param oldSize its size in bytes
 * @param newSize the wished size
 * @param flags null for none
 * @returns where it is now, or -errno
 */
export function mremap(
  context: MremapContext,
  addr: Address,
  oldSize: Address,
  newSize: Address,
  flags: MremapFlags | null,
): number {
  if (flags?.fixed !== undefined) return -Errno.EOPNOTSUPP;
  if (newSize === oldSize) return addr;
  if (flags === null || !flags.mayMove) return -Errno.EOPNOTSUPP;
  if (newSize > oldSize) return grow(context, addr, oldSize, newSize, flags.dontUnmap);
  if (flags.dontUnmap) return -Errno.EOPNOTSUPP;
  if (!accessible(context.platform, addr, oldSize)) return -Errno.EINVAL;
  context.shim.munmap(addr + newSize, oldSize - newSize);
  return addr;
}
