/** AES-128-CMAC (RFC 4493), which node's crypto does not offer without deprecated engines: built from AES-CBC with a zero start. */
import { createCipheriv } from "node:crypto";

const BLOCK = 16;

/**
 * AES-128-CMAC.
 * @param key 16 bytes
 * @param message any length
 * @returns 16 bytes
 */
export function aesCmac(key: Uint8Array, message: Uint8Array): Buffer {
  const [wholeKey, partialKey] = subkeys(key);
  const blocks = Math.max(1, Math.ceil(message.length / BLOCK));
  const padded = Buffer.alloc(blocks * BLOCK);
  padded.set(message);
  const whole = message.length === padded.length;
  if (!whole) padded[message.length] = 0x80;
  const mask = whole ? wholeKey : partialKey;
  for (let index = 0; index < BLOCK; index++) padded[padded.length - BLOCK + index]! ^= mask[index]!;
  const cipher = createCipheriv("aes-128-cbc", key, Buffer.alloc(BLOCK)).setAutoPadding(false);
  return Buffer.concat([cipher.update(padded), cipher.final()]).subarray(-BLOCK);
}

/** The two masks of the last block: for a whole one, and for one that was padded. */
function subkeys(key: Uint8Array): [Buffer, Buffer] {
  const cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
  const start = Buffer.concat([cipher.update(Buffer.alloc(BLOCK)), cipher.final()]);
  const first = doubled(start);
  return [first, doubled(first)];
}

/** Multiplication by x in the field of 2^128 elements. */
function doubled(block: Buffer): Buffer {
  const result = Buffer.alloc(BLOCK);
  for (let index = 0; index < BLOCK; index++) {
    result[index] = (block[index]! << 1) | (index + 1 < BLOCK ? block[index + 1]! >> 7 : 0);
  }
  if ((block[0]! & 0x80) !== 0) result[BLOCK - 1]! ^= 0x87;
  return result;
}
