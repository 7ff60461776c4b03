/** Version 3 quotes (ECDSA): the bytes and what they say. Nothing here decides whether a quote is to be believed; see quote-verify.ts. */
import { hexAt } from "./bytes.js";
import { MeasureError } from "./error.js";
import { parseReportBody, REPORT_BODY_SIZE, type ReportBody } from "./report.js";

/** Most bytes of a quote that are accepted. */
export const QUOTE_BYTES_MAX = 128 * 1024;

const HEADER_SIZE = 48;
/** Bytes that the attestation key signs: header and report body. */
export const SIGNED_SIZE = HEADER_SIZE + REPORT_BODY_SIZE;
const SIGNATURE_AT = SIGNED_SIZE + 4;
const FIXED_PART = 64 + 64 + REPORT_BODY_SIZE + 64;

/** Kinds of certification data. */
export const CERTIFICATION = {
  ppidPlain: 1,
  ppidRsa2048: 2,
  ppidRsa3072: 3,
  pckLeaf: 4,
  pckChain: 5,
  qeReport: 6,
  manifest: 7,
} as const;

/** A quote, taken apart. Byte strings are private copies; fields called `...Bytes` are raw, the others readable. */
export interface Quote {
  readonly version: number;
  /** 2 is ECDSA P-256, the only one that can be verified. */
  readonly attKeyType: number;
  readonly qeSvn: number;
  readonly pceSvn: number;
  /** 32 hex digits. */
  readonly qeVendorId: string;
  /** 40 hex digits. */
  readonly userData: string;
  readonly report: ReportBody;
  /** The quoting enclave's own report. */
  readonly qeReport: ReportBody;
  /** x and y, 128 hex digits. */
  readonly attestationKey: string;
  readonly authDataLength: number;
  readonly certDataType: number;
  readonly certDataLength: number;
  /** What the attestation key signed. */
  readonly signedBytes: Buffer;
  readonly signature: Buffer;
  readonly attestationKeyBytes: Buffer;
  readonly qeReportBytes: Buffer;
  readonly qeReportSignature: Buffer;
  readonly authData: Buffer;
  readonly certData: Buffer;
}

/**
 * Takes a quote apart.
 * @throws MeasureError `truncated`, `version`, `signature-length` (it must be the size minus 436, and be used up by its parts), `limit`, each
 * with the byte offset
 */
export function parseQuote(bytes: Uint8Array): Quote {
  if (bytes.length > QUOTE_BYTES_MAX) {
    const text = `a quote has at most ${QUOTE_BYTES_MAX} bytes, not ${bytes.length}`;
    throw new MeasureError("limit", text, { offset: QUOTE_BYTES_MAX });
  }
  const reader = new Reader(Buffer.from(bytes));
  const header = reader.take(SIGNED_SIZE, "the header and the report");
  const version = header.readUInt16LE(0);
  if (version !== 3)
    throw new MeasureError("version", `byte 0: version ${version} is not supported, only 3 is`, { offset: 0 });
  const signatureLength = reader.take(4, "the signature length").readUInt32LE(0);
  if (signatureLength !== bytes.length - SIGNATURE_AT) {
    const text = `byte 432: the signature length is ${signatureLength}, but ${bytes.length - SIGNATURE_AT} bytes follow`;
    throw new MeasureError("signature-length", text, { offset: SIGNED_SIZE });
  }
  const fixed = reader.take(FIXED_PART, "the signature data");
  const qeReportBytes = fixed.subarray(128, 128 + REPORT_BODY_SIZE);
  const attestationKeyBytes = fixed.subarray(64, 128);
  const authData = reader.take(reader.take(2, "the length of the auth data").readUInt16LE(0), "the auth data");
  const certDataType = reader.take(2, "the certification type").readUInt16LE(0);
  const certData = reader.take(
    reader.take(4, "the length of the certification data").readUInt32LE(0),
    "the certification data",
  );
  if (reader.offset !== bytes.length) {
    const text = `byte ${reader.offset}: ${bytes.length - reader.offset} bytes follow the certification data`;
    throw new MeasureError("signature-length", text, { offset: reader.offset });
  }
  return {
    version,
    attKeyType: header.readUInt16LE(2),
    qeSvn: header.readUInt16LE(8),
    pceSvn: header.readUInt16LE(10),
    qeVendorId: hexAt(header, 12, 16),
    userData: hexAt(header, 28, 20),
    report: parseReportBody(header.subarray(HEADER_SIZE)),
    qeReport: parseReportBody(qeReportBytes),
    attestationKey: attestationKeyBytes.toString("hex"),
    authDataLength: authData.length,
    certDataType,
    certDataLength: certData.length,
    signedBytes: header,
    signature: fixed.subarray(0, 64),
    attestationKeyBytes,
    qeReportBytes,
    qeReportSignature: fixed.subarray(128 + REPORT_BODY_SIZE),
    authData,
    certData,
  };
}

/** Takes bytes in a row, and says where the input ended when there are too few. */
class Reader {
  offset = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(length: number, name: string): Buffer {
    if (length > this.#bytes.length - this.offset) {
      const offset = this.#bytes.length;
      throw new MeasureError("truncated", `the quote ends at byte ${offset}, inside of ${name}`, { offset });
    }
    this.offset += length;
    return this.#bytes.subarray(this.offset - length, this.offset);
  }
}
