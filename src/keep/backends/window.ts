/** The window: large inputs and outputs may name the program's own memory instead of the block's data. */
import type { Window } from "../../host/request.js";
import { addressOf } from "../../kernel/index.js";

/** The program's memory as requests may refer to it: its address stays, its length and buffer change as it grows. */
export class ProgramWindow implements Window {
  private view: Uint8Array = new Uint8Array(0);
  private start = 0;

  /** Takes the buffer that the memory has now. */
  change(buffer: ArrayBufferLike): void {
    this.view = new Uint8Array(buffer);
    this.start = addressOf(this.view);
  }

  bytes(): Uint8Array {
    return this.view;
  }

  address(): number {
    return this.start;
  }
}
