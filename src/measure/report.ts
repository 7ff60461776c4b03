/** REPORT (432 bytes) and TARGETINFO (512 bytes): what EREPORT makes and takes. Intel SDM volume 3D. */
import { hkdfSync, timingSafeEqual } from "node:crypto";
import {
  bigIntToLittleEndian,
  bytesFromHex,
  copyOfExactly,
  firstNonZero,
  hexAt,
  hexNumber,
  unsigned,
} from "./bytes.js";
import { aesCmac } from "./cmac.js";
import { MeasureError } from "./error.js";
import type { NumberLike } from "./sign.js";

/** Bytes of a REPORT, of the part of it that the MAC covers, and of a TARGETINFO. */
export const REPORT_SIZE = 432;
export const REPORT_BODY_SIZE = 384;
export const TARGETINFO_SIZE = 512;

/** Where each field lies and how it is shown: u8 and u16 as numbers, wider ones as `0x...`, byte strings as hex. */
type Layout<Name extends string> = Readonly<
  Record<Name, readonly [offset: number, bytes: number, as: "number" | "hex"]>
>;

const REPORT_BODY = {
  cpusvn: [0, 16, "hex"],
  miscselect: [16, 4, "number"],
  cetattributes: [20, 1, "number"],
  isvextprodid: [32, 16, "hex"],
  attributes: [48, 8, "number"],
  xfrm: [56, 8, "number"],
  mrenclave: [64, 32, "hex"],
  mrsigner: [128, 32, "hex"],
  configid: [192, 64, "hex"],
  isvprodid: [256, 2, "number"],
  isvsvn: [258, 2, "number"],
  configsvn: [260, 2, "number"],
  isvfamilyid: [304, 16, "hex"],
  reportdata: [320, 64, "hex"],
} as const satisfies Layout<string>;

const TARGETINFO = {
  mrenclave: [0, 32, "hex"],
  attributes: [32, 8, "number"],
  xfrm: [40, 8, "number"],
  cetattributes: [48, 1, "number"],
  configsvn: [50, 2, "number"],
  miscselect: [52, 4, "number"],
  configid: [64, 64, "hex"],
} as const satisfies Layout<string>;

const TARGETINFO_RESERVED = [
  [49, 50],
  [56, 64],
  [128, TARGETINFO_SIZE],
] as const;

const REPORT_RESERVED = [
  [21, 32],
  [96, 128],
  [160, 192],
  [262, 304],
] as const;

/** The body of a REPORT, as it is also found in quotes. Numbers wider than 16 bits are text `0x...`. */
export interface ReportBody {
  readonly cpusvn: string;
  readonly miscselect: string;
  readonly cetattributes: number;
  readonly isvextprodid: string;
  readonly attributes: string;
  readonly xfrm: string;
  readonly mrenclave: string;
  readonly mrsigner: string;
  readonly configid: string;
  readonly isvprodid: number;
  readonly isvsvn: number;
  readonly configsvn: number;
  readonly isvfamilyid: string;
  readonly reportdata: string;
}

/** A whole REPORT. */
export interface Report extends ReportBody {
  readonly keyid: string;
  readonly mac: string;
}

/** The enclave that a REPORT is meant for. */
export interface TargetInfo {
  readonly mrenclave: string;
  readonly attributes: string;
  readonly xfrm: string;
  readonly cetattributes: number;
  readonly configsvn: number;
  readonly miscselect: string;
  readonly configid: string;
}

/** A value for each field; absent ones are zero. */
export type FieldsInput<Fields> = { readonly [Name in keyof Fields]?: NumberLike };

/**
 * The fields of a report body.
 * @param bytes 384 bytes
 * @throws MeasureError `length`
 */
export function parseReportBody(bytes: Uint8Array): ReportBody {
  return decode(copyOfExactly(bytes, REPORT_BODY_SIZE, "report body"), REPORT_BODY) as unknown as ReportBody;
}

/** The first offset of a report body whose reserved byte is not zero, or -1. The MAC covers these bytes; verifiers ignore them. */
export function reservedOfReportBody(bytes: Uint8Array): number {
  return firstOf(copyOfExactly(bytes, REPORT_BODY_SIZE, "report body"), REPORT_RESERVED);
}

/**
 * The fields of a REPORT.
 * @throws MeasureError `length`
 */
export function parseReport(bytes: Uint8Array): Report {
  const b = copyOfExactly(bytes, REPORT_SIZE, "REPORT");
  return { ...parseReportBody(b.subarray(0, REPORT_BODY_SIZE)), keyid: hexAt(b, 384, 32), mac: hexAt(b, 416, 16) };
}

/**
 * Whether the MAC is the one of the target's report key.
 * @param key 16 bytes
 * @throws MeasureError `length`
 */
export function verifyReport(bytes: Uint8Array, key: Uint8Array): boolean {
  const b = copyOfExactly(bytes, REPORT_SIZE, "REPORT");
  const mac = aesCmac(copyOfExactly(key, 16, "report key"), b.subarray(0, REPORT_BODY_SIZE));
  return timingSafeEqual(mac, b.subarray(416));
}

/**
 * Makes a REPORT as EREPORT does.
 * @param key 16 bytes, the report key of the target for this `keyid`
 * @param keyid 64 hex digits
 * @throws MeasureError `field`, `length`
 */
export function makeReport(fields: FieldsInput<ReportBody>, key: Uint8Array, keyid: string): Buffer {
  const body = encode(fields, REPORT_BODY, REPORT_BODY_SIZE);
  const mac = aesCmac(copyOfExactly(key, 16, "report key"), body);
  return Buffer.concat([body, bytesFromHex(keyid, 32, "keyid"), mac]);
}

/**
 * The TARGETINFO that names the enclave which a report body describes.
 * @returns 512 bytes
 */
export function targetInfoOf(report: ReportBody): Buffer {
  const fields: Record<string, NumberLike> = {};
  for (const name of Object.keys(TARGETINFO) as (keyof typeof TARGETINFO)[]) fields[name] = report[name];
  return makeTargetInfo(fields);
}

/**
 * A TARGETINFO from its fields.
 * @returns 512 bytes
 * @throws MeasureError `field`
 */
export function makeTargetInfo(fields: FieldsInput<TargetInfo>): Buffer {
  return encode(fields, TARGETINFO, TARGETINFO_SIZE);
}

/**
 * The fields of a TARGETINFO.
 * @throws MeasureError `length`; `field` with the offset of a reserved byte that is not zero, as EREPORT faults on it
 */
export function parseTargetInfo(bytes: Uint8Array): TargetInfo {
  const b = copyOfExactly(bytes, TARGETINFO_SIZE, "TARGETINFO");
  const wrong = firstOf(b, TARGETINFO_RESERVED);
  if (wrong >= 0) throw new MeasureError("field", `byte ${wrong}: a reserved byte is not zero`, { offset: wrong });
  return decode(b, TARGETINFO) as unknown as TargetInfo;
}

/**
 * The report key of a software keep: HKDF-SHA256 of the platform secret, no salt, information "keep-report", MRENCLAVE,
 * ATTRIBUTES, XFRM of the target and the key id. It stands for EGETKEY and must never be presented as hardware.
 * @param platformSecret at least 16 bytes
 * @param keyid 64 hex digits
 * @returns 16 bytes
 * @throws MeasureError `length`, `field`
 */
export function softwareReportKey(platformSecret: Uint8Array, target: TargetInfo, keyid: string): Buffer {
  if (platformSecret.length < 16) throw new MeasureError("length", "the platform secret needs at least 16 bytes");
  const information = Buffer.concat([
    Buffer.from("keep-report", "latin1"),
    encode(target, TARGETINFO, TARGETINFO_SIZE).subarray(0, 48),
    bytesFromHex(keyid, 32, "keyid"),
  ]);
  return Buffer.from(hkdfSync("sha256", platformSecret, Buffer.alloc(0), information, 16));
}

function decode(b: Buffer, layout: Layout<string>): Record<string, number | string> {
  const fields: Record<string, number | string> = {};
  for (const [name, [offset, bytes, as]] of Object.entries(layout)) {
    if (as === "hex") fields[name] = hexAt(b, offset, bytes);
    else if (bytes <= 2) fields[name] = b.readUIntLE(offset, bytes);
    else fields[name] = hexNumber(bytes === 4 ? b.readUInt32LE(offset) : b.readBigUInt64LE(offset));
  }
  return fields;
}

function encode(fields: Readonly<Record<string, unknown>> | object, layout: Layout<string>, size: number): Buffer {
  const values = fields as Readonly<Record<string, unknown>>;
  const b = Buffer.alloc(size);
  for (const [name, [offset, bytes, as]] of Object.entries(layout)) {
    if (values[name] === undefined) continue;
    if (as === "hex") b.set(bytesFromHex(values[name], bytes, name), offset);
    else b.set(bigIntToLittleEndian(unsigned(values[name], bytes * 8, name), bytes)!, offset);
  }
  return b;
}

function firstOf(b: Buffer, ranges: readonly (readonly [number, number])[]): number {
  for (const [start, end] of ranges) {
    const wrong = firstNonZero(b, start, end);
    if (wrong >= 0) return wrong;
  }
  return -1;
}
