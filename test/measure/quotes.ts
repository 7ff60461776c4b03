/** Makes quotes with a certificate chain of our own, so that every part of one can be right or wrong on purpose. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { makeReport } from "postern/measure";

type KeyPair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

export const newKey = (): KeyPair => generateKeyPairSync("ec", { namedCurve: "P-256" });

/** One DER element. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const length =
    content.length < 128
      ? Buffer.of(content.length)
      : content.length < 256
        ? Buffer.of(0x81, content.length)
        : Buffer.of(0x82, content.length >> 8, content.length & 255);
  return Buffer.concat([Buffer.of(tag), length, content]);
}

const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts);
const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"));
const ECDSA_SHA256 = sequence(oid("2a8648ce3d040302"));
const COMMON_NAME = "550403";

const distinguishedName = (name: string) =>
  sequence(der(0x31, sequence(oid(COMMON_NAME), der(0x0c, Buffer.from(name)))));

/** GeneralizedTime of a date. */
const time = (date: Date) => der(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`));

const TRUE = Buffer.of(0x01, 0x01, 0xff);
const extension = (hex: string, value: Uint8Array) => sequence(oid(hex), TRUE, der(0x04, value));

export interface CertificateInput {
  readonly subject: string;
  readonly issuer: string;
  readonly key: KeyObject;
  readonly signer: KeyObject;
  readonly ca: boolean;
  readonly from?: Date;
  readonly to?: Date;
}

/** An X.509 version 3 certificate in PEM form. */
export function makeCertificate(input: CertificateInput): string {
  const extensions = sequence(
    extension("551d13", input.ca ? sequence(TRUE) : sequence()),
    extension("551d0f", input.ca ? Buffer.of(0x03, 0x02, 0x01, 0x06) : Buffer.of(0x03, 0x02, 0x07, 0x80)),
  );
  const body = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.of(1)),
    ECDSA_SHA256,
    distinguishedName(input.issuer),
    sequence(time(input.from ?? new Date("2020-01-01")), time(input.to ?? new Date("2120-01-01"))),
    distinguishedName(input.subject),
    input.key.export({ type: "spki", format: "der" }),
    der(0xa3, extensions),
  );
  const signature = sign("sha256", body, input.signer);
  const certificate = sequence(body, ECDSA_SHA256, der(0x03, Buffer.of(0), signature));
  const lines = certificate.toString("base64").replace(/(.{64})(?=.)/g, "$1\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/** A root, an authority below it and a leaf. */
export class Chain {
  readonly keys = { root: newKey(), authority: newKey(), leaf: newKey() };
  readonly root: string;
  readonly authority: string;
  readonly leaf: string;

  constructor(to?: { leaf?: Date }) {
    const { root, authority, leaf } = this.keys;
    const make = (subject: string, key: KeyPair, issuer: string, signer: KeyPair, ca: boolean, end?: Date) =>
      makeCertificate({
        subject,
        issuer,
        key: key.publicKey,
        signer: signer.privateKey,
        ca,
        ...(end === undefined ? {} : { to: end }),
      });
    this.root = make("Test Root", root, "Test Root", root, true);
    this.authority = make("Test Authority", authority, "Test Root", root, true);
    this.leaf = make("Test Leaf", leaf, "Test Authority", authority, false, to?.leaf);
  }

  get pem(): string {
    return this.leaf + this.authority + this.root;
  }
}

export const QE_MRSIGNER = "7a".repeat(32);

export interface QuoteInput {
  readonly chain: Chain;
  /** Default: the chain's PEM, leaf first. */
  readonly certData?: Uint8Array;
  readonly certDataType?: number;
  readonly report?: Parameters<typeof makeReport>[0];
  readonly qeReport?: Parameters<typeof makeReport>[0];
  readonly attKeyType?: number;
}

function body(fields: Parameters<typeof makeReport>[0]): Buffer {
  return makeReport(fields, Buffer.alloc(16), "00".repeat(32)).subarray(0, 384);
}

const number = (value: number, bytes: number) => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntLE(value, 0, bytes);
  return buffer;
};

const signed = (bytes: Uint8Array, key: KeyObject) => sign("sha256", bytes, { key, dsaEncoding: "ieee-p1363" });

/** A version 3 quote. */
export function makeQuote(input: QuoteInput): Buffer {
  const attestation = newKey();
  const { x, y } = attestation.publicKey.export({ format: "jwk" });
  const publicBytes = Buffer.concat([Buffer.from(String(x), "base64url"), Buffer.from(String(y), "base64url")]);
  const header = Buffer.alloc(48);
  header.writeUInt16LE(3, 0);
  header.writeUInt16LE(input.attKeyType ?? 2, 2);
  const head = Buffer.concat([
    header,
    body({ attributes: 5, xfrm: 3, mrenclave: "11".repeat(32), mrsigner: "22".repeat(32), ...input.report }),
  ]);
  const authData = Buffer.from("auth");
  const binding = createHash("sha256").update(publicBytes).update(authData).digest("hex");
  const qeReport = body({
    attributes: 5,
    xfrm: 3,
    mrsigner: QE_MRSIGNER,
    isvsvn: 5,
    reportdata: binding.padEnd(128, "0"),
    ...input.qeReport,
  });
  const certData = input.certData ?? Buffer.from(input.chain.pem);
  const data = Buffer.concat([
    signed(head, attestation.privateKey),
    publicBytes,
    qeReport,
    signed(qeReport, input.chain.keys.leaf.privateKey),
    number(authData.length, 2),
    authData,
    number(input.certDataType ?? 5, 2),
    number(certData.length, 4),
    certData,
  ]);
  return Buffer.concat([head, number(data.length, 4), data]);
}
