/** What was changed in a module, so that places in it can be told as places in the file it came from. */
export interface Changes {
  /**
   * Pairs in ascending order: an offset in the changed module, and the one in the file that it was copied from. What lies
   * between two of them was copied as well, or was added behind what was copied.
   */
  readonly places: Uint32Array;
  /** Functions from this number on were added. */
  readonly functions: number;
}

/** Where all code lies `added` bytes further on and nothing else is asked for. */
export function shifted(added: number): Changes {
  return { places: Uint32Array.of(0, 0, added, 0), functions: Number.POSITIVE_INFINITY };
}

/** The offset in the file that an offset in the changed module stands for; for what was added, that of what follows. */
export function originalOffset({ places }: Changes, offset: number): number {
  let low = 0;
  let high = places.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (places[2 * middle]! <= offset) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return offset;
  const before = 2 * (low - 1);
  const same = places[before + 1]! + offset - places[before]!;
  const next = places[before + 3];
  return next === undefined ? same : Math.min(same, next);
}
