/** What a guest keeps for each of its threads. */

/** Signal numbers a table has room for; number 0 exists in the original only. */
const SIGNALS = 65;

/** Storage of one thread: its signal actions, nothing else. */
export class ThreadStorage {
  /** The action recorded for each signal number, as the 32 bytes of a struct sigaction; null for none. */
  readonly signalActions: (Uint8Array | null)[] = new Array<Uint8Array | null>(SIGNALS).fill(null);
}

/** A variable that receives the action recorded before; null for none. */
export interface SignalActionSlot {
  action: Uint8Array | null;
}
