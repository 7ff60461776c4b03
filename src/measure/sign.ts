/** Makes a SIGSTRUCT: from a key that is at hand, or in two steps for a key that is elsewhere. */
import { constants, createPrivateKey, type JsonWebKey, KeyObject, sign } from "node:crypto";
import { bigIntToLittleEndian, bytesFromHex, littleEndianToBigInt, unsigned } from "./bytes.js";
import { MeasureError } from "./error.js";
import {
  quotients,
  RSA_SIZE,
  SIGSTRUCT,
  SIGSTRUCT_EXPONENT,
  SIGSTRUCT_HEADER,
  SIGSTRUCT_HEADER2,
  SIGSTRUCT_SIZE,
  signedBytes,
  signerOf,
  verifySigstruct,
} from "./sigstruct.js";

/** A number, or text, decimal or `0x...`. */
export type NumberLike = number | bigint | string;

/** What is signed. Absent numbers are 0, absent byte strings zero. */
export interface SigstructInput {
  /** 64 hex digits. */
  readonly enclavehash: string;
  /** yyyymmdd. */
  readonly date: string;
  /** 0 or 0x8086. */
  readonly vendor?: NumberLike;
  readonly swdefined?: NumberLike;
  readonly miscselect?: NumberLike;
  readonly miscmask?: NumberLike;
  readonly cetattributes?: NumberLike;
  readonly cetmask?: NumberLike;
  readonly attributes?: NumberLike;
  readonly xfrm?: NumberLike;
  readonly attributemask?: NumberLike;
  readonly xfrmmask?: NumberLike;
  /** 32 hex digits. */
  readonly isvfamilyid?: string;
  /** 32 hex digits. */
  readonly isvextprodid?: string;
  readonly isvprodid?: NumberLike;
  readonly isvsvn?: NumberLike;
}

/** A private key of 3072 bits with the exponent 3: PEM text, a JSON Web Key, or node's key object. */
export type SigningKey = string | Uint8Array | KeyObject | JsonWebKey;

/** A signed SIGSTRUCT. */
export interface SignedSigstruct {
  /** 1808 bytes. */
  readonly bytes: Buffer;
  /** 64 hex digits. */
  readonly mrsigner: string;
}

const NUMBERS = [
  ["vendor", 32],
  ["swdefined", 32],
  ["miscselect", 32],
  ["miscmask", 32],
  ["cetattributes", 8],
  ["cetmask", 8],
  ["attributes", 64],
  ["xfrm", 64],
  ["attributemask", 64],
  ["xfrmmask", 64],
  ["isvprodid", 16],
  ["isvsvn", 16],
] as const;

/**
 * A SIGSTRUCT without its key and signature.
 * @throws MeasureError `field` names the value that is missing or out of range
 */
export function draftSigstruct(input: SigstructInput): Buffer {
  const b = Buffer.alloc(SIGSTRUCT_SIZE);
  b.set(SIGSTRUCT_HEADER, SIGSTRUCT.header);
  b.set(SIGSTRUCT_HEADER2, SIGSTRUCT.header2);
  for (const [name, bits] of NUMBERS) {
    b.set(bigIntToLittleEndian(unsigned(input[name] ?? 0, bits, name), bits / 8)!, SIGSTRUCT[name]);
  }
  b.writeUInt32LE(binaryCodedDate(input.date), SIGSTRUCT.date);
  b.writeUInt32LE(SIGSTRUCT_EXPONENT, SIGSTRUCT.exponent);
  b.set(bytesFromHex(input.enclavehash, 32, "enclavehash"), SIGSTRUCT.enclavehash);
  b.set(bytesFromHex(input.isvfamilyid ?? "00".repeat(16), 16, "isvfamilyid"), SIGSTRUCT.isvfamilyid);
  b.set(bytesFromHex(input.isvextprodid ?? "00".repeat(16), 16, "isvextprodid"), SIGSTRUCT.isvextprodid);
  return b;
}

/**
 * The 256 bytes to sign with RSA-3072, exponent 3, PKCS#1 version 1.5, SHA-256, for a key that never leaves its place.
 * @throws MeasureError `field`
 */
export function bytesToSign(input: SigstructInput): Buffer {
  return signedBytes(draftSigstruct(input));
}

/**
 * Puts a signature made elsewhere into a SIGSTRUCT, and checks it as EINIT would.
 * @param modulus and @param signature 384 bytes each, big endian, as RSA tools give them
 * @throws MeasureError `field` when they do not belong to these contents
 */
export function assembleSigstruct(input: SigstructInput, modulus: Uint8Array, signature: Uint8Array): SignedSigstruct {
  if (modulus.length !== RSA_SIZE) throw new MeasureError("field", "the key must be an RSA key of 3072 bits");
  if (signature.length !== RSA_SIZE) throw new MeasureError("field", "the signature must have 384 bytes");
  const b = draftSigstruct(input);
  const storedModulus = Buffer.from(modulus).reverse();
  const storedSignature = Buffer.from(signature).reverse();
  const m = littleEndianToBigInt(storedModulus);
  if (m === 0n) throw new MeasureError("field", "the modulus is zero");
  const { q1, q2 } = quotients(littleEndianToBigInt(storedSignature), m);
  const parts = [
    storedModulus,
    storedSignature,
    bigIntToLittleEndian(q1, RSA_SIZE),
    bigIntToLittleEndian(q2, RSA_SIZE),
  ];
  const places = [SIGSTRUCT.modulus, SIGSTRUCT.signature, SIGSTRUCT.q1, SIGSTRUCT.q2];
  for (const [index, part] of parts.entries()) if (part !== undefined) b.set(part, places[index]);
  const verdict = verifySigstruct(b);
  if (!verdict.valid) throw new MeasureError("field", `the result is not valid: ${verdict.difference}`);
  return { bytes: b, mrsigner: signerOf(storedModulus) };
}

/**
 * Makes and signs a SIGSTRUCT. The result is deterministic.
 * @throws MeasureError `field` for a key of another kind or a value out of range
 */
export function signSigstruct(input: SigstructInput, key: SigningKey): SignedSigstruct {
  const privateKey = keyFrom(key);
  const { modulusLength, publicExponent } = privateKey.asymmetricKeyDetails ?? {};
  if (privateKey.asymmetricKeyType !== "rsa" || modulusLength !== RSA_SIZE * 8 || publicExponent !== 3n) {
    throw new MeasureError("field", "the key must be an RSA private key of 3072 bits with the exponent 3");
  }
  const modulus = Buffer.from(String(privateKey.export({ format: "jwk" }).n), "base64url");
  const signature = sign("sha256", bytesToSign(input), { key: privateKey, padding: constants.RSA_PKCS1_PADDING });
  return assembleSigstruct(input, modulus, signature);
}

function keyFrom(key: SigningKey): KeyObject {
  try {
    if (key instanceof KeyObject) return key;
    if (typeof key === "string") return createPrivateKey(key);
    if (key instanceof Uint8Array) return createPrivateKey(Buffer.from(key));
    return createPrivateKey({ key, format: "jwk" });
  } catch (error) {
    throw new MeasureError("field", "the key is not a private key in PEM or JSON Web Key form", { cause: error });
  }
}

function binaryCodedDate(date: string): number {
  if (typeof date !== "string" || !/^[0-9]{8}$/.test(date)) {
    throw new MeasureError("field", "date must be eight digits, yyyymmdd");
  }
  return Number.parseInt(date, 16);
}
