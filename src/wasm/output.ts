/** Bytes in a row, put together at the end. */
export class Output {
  readonly #parts: Uint8Array[] = [];
  length = 0;

  add(part: Uint8Array | readonly number[]): void {
    const bytes = part instanceof Uint8Array ? part : Uint8Array.from(part);
    this.#parts.push(bytes);
    this.length += bytes.length;
  }

  append(other: Output): void {
    for (const part of other.#parts) this.add(part);
  }

  bytes(): Uint8Array {
    const whole = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}
