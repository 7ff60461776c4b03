/** What every parser of `postern/measure` owes to hostile input: a result, or a MeasureError whose offset lies within the input. */
import assert from "node:assert/strict";
import { MeasureError } from "postern/measure";

/** The error's reason, or null when `action` accepted the input. Anything else than a MeasureError fails the test. */
export function reasonOf(action: () => unknown, inputLength = Number.POSITIVE_INFINITY): string | null {
  try {
    action();
    return null;
  } catch (error) {
    if (!(error instanceof MeasureError)) throw error;
    assert.equal(error.code, "EMALFORMED");
    assert.ok(error.message.length > 0);
    if (error.offset !== undefined)
      assert.ok(error.offset >= 0 && error.offset <= inputLength, `offset ${error.offset}`);
    return error.reason;
  }
}

/** Asserts that `action` is refused with `reason` at `offset`. */
export function refuses(action: () => unknown, reason: string, offset?: number): void {
  assert.throws(action, (error) => {
    assert.ok(error instanceof MeasureError, String(error));
    assert.deepEqual([error.reason, error.offset], [reason, offset]);
    return true;
  });
}

/** `bytes` with one byte changed. */
export function flipped(bytes: Uint8Array, at: number, bits = 1): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= bits;
  return copy;
}
