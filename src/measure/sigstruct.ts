/** SIGSTRUCT: layout, fields, and the checks EINIT makes on it. 1808 bytes, Intel SDM volume 3D, "Enclave Signature Structure". */
import { createHash } from "node:crypto";
import { copyOfExactly, firstNonZero, hexAt, hexNumber, littleEndianToBigInt } from "./bytes.js";

/** Bytes of a SIGSTRUCT. */
export const SIGSTRUCT_SIZE = 1808;
/** Bytes of the modulus, the signature, q1 and q2. */
export const RSA_SIZE = 384;

/** Offsets of the fields. */
export const SIGSTRUCT = {
  header: 0,
  vendor: 16,
  date: 20,
  header2: 24,
  swdefined: 40,
  modulus: 128,
  exponent: 512,
  signature: 516,
  miscselect: 900,
  miscmask: 904,
  cetattributes: 908,
  cetmask: 909,
  isvfamilyid: 912,
  attributes: 928,
  xfrm: 936,
  attributemask: 944,
  xfrmmask: 952,
  enclavehash: 960,
  isvextprodid: 1008,
  isvprodid: 1024,
  isvsvn: 1026,
  q1: 1040,
  q2: 1424,
} as const;

/** The two constant headers, in file order. */
export const SIGSTRUCT_HEADER = Buffer.from("06000000e10000000000010000000000", "hex");
export const SIGSTRUCT_HEADER2 = Buffer.from("01010000600000006000000001000000", "hex");
/** The exponent of the signature. */
export const SIGSTRUCT_EXPONENT = 3;
const VENDOR_INTEL = 0x8086;

/** The ranges that must be zero, end excluded. */
const RESERVED: readonly (readonly [start: number, end: number])[] = [
  [44, 128],
  [910, 912],
  [992, 1008],
  [1028, 1040],
];

/** What EINIT answers, by the names of the Linux header. */
export type EinitError =
  | "SGX_INVALID_SIG_STRUCT"
  | "SGX_INVALID_ATTRIBUTE"
  | "SGX_INVALID_MEASUREMENT"
  | "SGX_INVALID_SIGNATURE";

/** The number of each EINIT error. */
export const EINIT_CODES: Readonly<Record<EinitError, number>> = {
  SGX_INVALID_SIG_STRUCT: 1,
  SGX_INVALID_ATTRIBUTE: 2,
  SGX_INVALID_MEASUREMENT: 4,
  SGX_INVALID_SIGNATURE: 8,
};

/** The fields of a SIGSTRUCT. Numbers wider than 16 bits are text `0x...`, byte strings lower-case hex. */
export interface SigstructFields {
  readonly vendor: string;
  /** yyyymmdd as eight hex digits (it is binary coded decimal). */
  readonly date: string;
  readonly swdefined: string;
  readonly exponent: number;
  readonly miscselect: string;
  readonly miscmask: string;
  readonly cetattributes: number;
  readonly cetmask: number;
  readonly isvfamilyid: string;
  readonly attributes: string;
  readonly xfrm: string;
  readonly attributemask: string;
  readonly xfrmmask: string;
  /** The MRENCLAVE that is signed for. */
  readonly enclavehash: string;
  readonly isvextprodid: string;
  readonly isvprodid: number;
  readonly isvsvn: number;
  /** SHA-256 of the modulus as stored. */
  readonly mrsigner: string;
}

/** Outcome of a check that stops at the first difference. */
export interface SigstructVerdict {
  readonly valid: boolean;
  /** What EINIT would answer, or null. */
  readonly error: EinitError | null;
  /** The first difference in words, or null. */
  readonly difference: string | null;
}

/**
 * The fields, whether or not the structure is valid.
 * @throws MeasureError `length`
 */
export function parseSigstruct(bytes: Uint8Array): SigstructFields {
  const b = copyOfExactly(bytes, SIGSTRUCT_SIZE, "SIGSTRUCT");
  const u32 = (offset: number) => hexNumber(b.readUInt32LE(offset));
  const u64 = (offset: number) => hexNumber(b.readBigUInt64LE(offset));
  return {
    vendor: u32(SIGSTRUCT.vendor),
    date: b.readUInt32LE(SIGSTRUCT.date).toString(16).padStart(8, "0"),
    swdefined: u32(SIGSTRUCT.swdefined),
    exponent: b.readUInt32LE(SIGSTRUCT.exponent),
    miscselect: u32(SIGSTRUCT.miscselect),
    miscmask: u32(SIGSTRUCT.miscmask),
    cetattributes: b[SIGSTRUCT.cetattributes]!,
    cetmask: b[SIGSTRUCT.cetmask]!,
    isvfamilyid: hexAt(b, SIGSTRUCT.isvfamilyid, 16),
    attributes: u64(SIGSTRUCT.attributes),
    xfrm: u64(SIGSTRUCT.xfrm),
    attributemask: u64(SIGSTRUCT.attributemask),
    xfrmmask: u64(SIGSTRUCT.xfrmmask),
    enclavehash: hexAt(b, SIGSTRUCT.enclavehash, 32),
    isvextprodid: hexAt(b, SIGSTRUCT.isvextprodid, 16),
    isvprodid: b.readUInt16LE(SIGSTRUCT.isvprodid),
    isvsvn: b.readUInt16LE(SIGSTRUCT.isvsvn),
    mrsigner: signerOf(b.subarray(SIGSTRUCT.modulus, SIGSTRUCT.modulus + RSA_SIZE)),
  };
}

/** MRSIGNER: SHA-256 of the 384 modulus bytes as stored, little endian. */
export function signerOf(modulus: Uint8Array): string {
  return createHash("sha256").update(modulus).digest("hex");
}

/** The 256 bytes that are signed. */
export function signedBytes(sigstruct: Uint8Array): Buffer {
  return Buffer.concat([sigstruct.subarray(0, 128), sigstruct.subarray(900, 1028)]);
}

/**
 * What EINIT checks on the structure alone: its constant parts, then the signature with q1 and q2.
 * @throws MeasureError `length`
 */
export function verifySigstruct(bytes: Uint8Array): SigstructVerdict {
  const b = copyOfExactly(bytes, SIGSTRUCT_SIZE, "SIGSTRUCT");
  const structure = structureDifference(b);
  if (structure !== null) return { valid: false, error: "SGX_INVALID_SIG_STRUCT", difference: structure };
  const signature = signatureDifference(b);
  if (signature !== null) return { valid: false, error: "SGX_INVALID_SIGNATURE", difference: signature };
  return { valid: true, error: null, difference: null };
}

function structureDifference(b: Buffer): string | null {
  if (!b.subarray(0, 16).equals(SIGSTRUCT_HEADER)) return "byte 0: HEADER is not the one of a SIGSTRUCT";
  const vendor = b.readUInt32LE(SIGSTRUCT.vendor);
  if (vendor !== 0 && vendor !== VENDOR_INTEL) return `byte 16: VENDOR is ${hexNumber(vendor)}, not 0 or 0x8086`;
  if (!b.subarray(24, 40).equals(SIGSTRUCT_HEADER2)) return "byte 24: HEADER2 is not the one of a SIGSTRUCT";
  const exponent = b.readUInt32LE(SIGSTRUCT.exponent);
  if (exponent !== SIGSTRUCT_EXPONENT) return `byte 512: EXPONENT is ${exponent}, not 3`;
  for (const [start, end] of RESERVED) {
    const wrong = firstNonZero(b, start, end);
    if (wrong >= 0) return `byte ${wrong}: a reserved byte is not zero`;
  }
  return null;
}

/** Numbers as EINIT uses them: q1 and q2 let it compute S^3 mod M without a division. */
export function quotients(signature: bigint, modulus: bigint): { q1: bigint; q2: bigint; remainder: bigint } {
  const q1 = (signature * signature) / modulus;
  const cube = signature * signature * signature - q1 * signature * modulus;
  return { q1, q2: cube / modulus, remainder: cube % modulus };
}

function signatureDifference(b: Buffer): string | null {
  const number = (offset: number) => littleEndianToBigInt(b.subarray(offset, offset + RSA_SIZE));
  const modulus = number(SIGSTRUCT.modulus);
  const signature = number(SIGSTRUCT.signature);
  if (modulus === 0n || signature >= modulus) return "byte 516: SIGNATURE is not below MODULUS";
  const { q1, q2, remainder } = quotients(signature, modulus);
  if (remainder !== encodedMessage(signedBytes(b))) {
    return "byte 516: SIGNATURE is not one of these contents by this MODULUS";
  }
  if (number(SIGSTRUCT.q1) !== q1) return "byte 1040: Q1 does not belong to SIGNATURE and MODULUS";
  if (number(SIGSTRUCT.q2) !== q2) return "byte 1424: Q2 does not belong to SIGNATURE and MODULUS";
  return null;
}

/** PKCS#1 version 1.5 (RFC 8017, section 9.2) for SHA-256 and 3072 bits. */
function encodedMessage(message: Uint8Array): bigint {
  const information = "3031300d060960864801650304020105000420";
  const hash = createHash("sha256").update(message).digest("hex");
  const filler = "ff".repeat(RSA_SIZE - 3 - (information.length + hash.length) / 2);
  return BigInt(`0x0001${filler}00${information}${hash}`);
}
