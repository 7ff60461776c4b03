/** The program's memory as the host sees it: what the engine itself says of it at this moment. */

/** Its size. It may lie elsewhere once it has grown. */
export function windowPages(): u32 {
  return memory.size();
}

/** Bytes of it, for a trace: ranges were checked by whoever asks. */
export function peek(at: u32): u32 {
  return load<u8>(at);
}

export function peekWord(at: u32): u64 {
  return load<u64>(at);
}
