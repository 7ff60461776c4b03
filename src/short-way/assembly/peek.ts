/** The program's memory, read for a trace: ranges were checked by whoever asks. */

export function peek(at: u32): u32 {
  return load<u8>(at);
}

export function peekWord(at: u32): u64 {
  return load<u64>(at);
}
