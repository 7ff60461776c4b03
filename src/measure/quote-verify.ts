/** Decides whether a quote is to be believed: the four signatures and bindings, the pinned root, and what the caller expects. */
import { createHash, createPublicKey, type KeyObject, verify, type X509Certificate } from "node:crypto";
import { firstNonZero } from "./bytes.js";
import { type CertificateList, isClosedChain, leafOf, pathToRoot, readCertificates, rootFrom } from "./certificates.js";
import { MeasureError } from "./error.js";
import { CERTIFICATION, parseQuote, type Quote } from "./quote.js";

/** MRSIGNER of Intel's quoting enclave. */
export const INTEL_QE_MRSIGNER = "8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff";

const ATTRIBUTE_INIT = 1n;
const ATTRIBUTE_DEBUG = 2n;
const KEY_TYPE_P256 = 2;

/** The checks that need nothing but the quote. They hold for anybody's chain; trust comes from a pinned root. */
export interface QuoteChecks {
  /** The attestation key signed header and report. */
  readonly quoteSignature: boolean;
  /** The quoting enclave's report names the attestation key. */
  readonly keyBinding: boolean;
  /** The leaf certificate's key signed the quoting enclave's report. */
  readonly qeReportSignature: boolean;
  /** Each certificate of the chain is signed by one of the chain; dates and trust are not looked at. */
  readonly chain: boolean;
}

/** What a quote must fulfil. Everything that is given is checked. */
export interface QuotePolicy {
  /** The pinned roots, PEM or DER, one certificate each, at least one; never taken from the quote. */
  readonly roots: readonly (string | Uint8Array)[];
  /** The moment at which certificates must be valid. Default: now. */
  readonly at?: Date;
  /** 64 hex digits. */
  readonly mrenclave?: string;
  /** 64 hex digits. */
  readonly mrsigner?: string;
  readonly isvprodid?: number;
  readonly isvsvnMin?: number;
  /** Up to 128 hex digits: what reportdata must start with; the rest must be zero. */
  readonly reportdata?: string;
  /** Accept an enclave whose memory its host can read. Default false. */
  readonly allowDebug?: boolean;
  /** MRSIGNER of the quoting enclave. Default: Intel's. */
  readonly qeMrsigner?: string;
  readonly qeIsvsvnMin?: number;
}

/** One step of a verification. */
export interface VerifiedStep {
  readonly name: string;
  readonly holds: boolean;
  /** What was found, in words; for a step that failed, the difference. */
  readonly detail: string;
}

/** Outcome of a verification. Revocation lists and TCB levels are not part of it. */
export interface QuoteVerdict {
  readonly verified: boolean;
  /** The first difference in words, or null. */
  readonly difference: string | null;
  readonly steps: readonly VerifiedStep[];
  readonly quote: Quote;
}

/** The checks that need nothing but the quote. */
export function checkQuote(quote: Quote): QuoteChecks {
  const list = certificatesOf(quote);
  return {
    quoteSignature: signedByAttestationKey(quote),
    keyBinding: bindsKey(quote),
    qeReportSignature: signedByLeaf(quote, leafOf(list.certificates)),
    chain: isClosedChain(list),
  };
}

/** The certificates that a quote carries (certification type 5), in file order. */
export function certificatesOf(quote: Quote): CertificateList {
  return quote.certDataType === CERTIFICATION.pckChain
    ? readCertificates(quote.certData)
    : { certificates: [], unreadable: 0 };
}

/**
 * Verifies a quote against pinned roots and a policy.
 * @param input a quote, or its bytes
 * @throws MeasureError as {@link parseQuote}; `field` when a root is no certificate or none is given, or an expected value has no such form
 */
export function verifyQuote(input: Uint8Array | Quote, policy: QuotePolicy): QuoteVerdict {
  const quote = input instanceof Uint8Array ? parseQuote(input) : input;
  const roots = policy.roots.map((root, index) => {
    const certificate = rootFrom(root);
    if (certificate === undefined)
      throw new MeasureError("field", `root ${index} is not one root certificate in PEM or DER form`);
    return certificate;
  });
  if (roots.length === 0) throw new MeasureError("field", "give at least one pinned root certificate");
  const at = policy.at ?? new Date();
  if (Number.isNaN(at.getTime()))
    throw new MeasureError("field", "the time at which certificates must be valid is no time");
  const steps = [...trustSteps(quote, roots, at), ...policySteps(quote, policy)];
  const failed = steps.find((step) => !step.holds);
  return { verified: failed === undefined, difference: failed === undefined ? null : failed.detail, steps, quote };
}

function trustSteps(quote: Quote, roots: readonly X509Certificate[], at: Date): VerifiedStep[] {
  const list = certificatesOf(quote);
  const leaf = leafOf(list.certificates);
  const way = leaf === undefined ? { difference: noLeaf(quote) } : pathToRoot(leaf, list.certificates, roots, at);
  return [
    step(
      "key type",
      quote.attKeyType === KEY_TYPE_P256,
      "ECDSA P-256",
      `byte 2: key type ${quote.attKeyType} is not ECDSA P-256`,
    ),
    "path" in way
      ? step("chain", true, `${way.path.length} certificates lead to the pinned root`, "")
      : step("chain", false, "", way.difference),
    step(
      "quoting enclave's report",
      signedByLeaf(quote, leaf),
      "signed with the key of the leaf certificate",
      "byte 948: the quoting enclave's report is not signed with the key of the leaf certificate",
    ),
    step(
      "attestation key",
      bindsKey(quote),
      "named by the quoting enclave",
      "byte 884: the quoting enclave's report does not name the attestation key",
    ),
    step(
      "quote signature",
      signedByAttestationKey(quote),
      "made with the attestation key",
      "byte 436: header and report are not signed with the attestation key",
    ),
  ];
}

function policySteps(quote: Quote, policy: QuotePolicy): VerifiedStep[] {
  const { report, qeReport } = quote;
  const attributes = BigInt(report.attributes);
  const debug = (attributes & ATTRIBUTE_DEBUG) !== 0n;
  const qeDebug = (BigInt(qeReport.attributes) & ATTRIBUTE_DEBUG) !== 0n;
  const steps = [
    equal("quoting enclave's MRSIGNER", qeReport.mrsigner, policy.qeMrsigner ?? INTEL_QE_MRSIGNER, 64),
    step("quoting enclave", !qeDebug, "not a debug enclave", "the quoting enclave is a debug enclave"),
    step("INIT", (attributes & ATTRIBUTE_INIT) !== 0n, "set", "the enclave was not initialised"),
    step(
      "DEBUG",
      !debug || policy.allowDebug === true,
      debug ? "set, and allowed" : "clear",
      "this is a debug enclave",
    ),
  ];
  if (policy.qeIsvsvnMin !== undefined)
    steps.push(atLeast("quoting enclave's ISVSVN", qeReport.isvsvn, policy.qeIsvsvnMin));
  if (policy.mrenclave !== undefined) steps.push(equal("MRENCLAVE", report.mrenclave, policy.mrenclave, 64));
  if (policy.mrsigner !== undefined) steps.push(equal("MRSIGNER", report.mrsigner, policy.mrsigner, 64));
  if (policy.isvprodid !== undefined) {
    const expected = `ISVPRODID is ${report.isvprodid}, expected ${policy.isvprodid}`;
    steps.push(step("ISVPRODID", report.isvprodid === policy.isvprodid, String(report.isvprodid), expected));
  }
  if (policy.isvsvnMin !== undefined) steps.push(atLeast("ISVSVN", report.isvsvn, policy.isvsvnMin));
  if (policy.reportdata !== undefined) {
    const padded = policy.reportdata.length % 2 === 0 ? policy.reportdata.padEnd(128, "0") : policy.reportdata;
    steps.push(equal("REPORTDATA", report.reportdata, padded, 128));
  }
  return steps;
}

function step(name: string, holds: boolean, found: string, difference: string): VerifiedStep {
  return { name, holds, detail: holds ? found : difference };
}

function equal(name: string, found: string, expected: string, digits: number): VerifiedStep {
  if (expected.length !== digits || !/^[0-9a-f]+$/i.test(expected)) {
    throw new MeasureError("field", `the expected ${name} must be ${digits} hex digits`);
  }
  return step(name, found === expected.toLowerCase(), found, `${name} is ${found}, expected ${expected.toLowerCase()}`);
}

function atLeast(name: string, found: number, lowest: number): VerifiedStep {
  return step(name, found >= lowest, String(found), `${name} is ${found}, expected at least ${lowest}`);
}

function noLeaf(quote: Quote): string {
  return quote.certDataType === CERTIFICATION.pckChain
    ? "the certification data holds no leaf certificate"
    : `certification type ${quote.certDataType} carries no certificate chain; only type 5 can be verified`;
}

function signedByAttestationKey(quote: Quote): boolean {
  const [x, y] = [quote.attestationKeyBytes.subarray(0, 32), quote.attestationKeyBytes.subarray(32)];
  try {
    const jwk = { kty: "EC", crv: "P-256", x: x.toString("base64url"), y: y.toString("base64url") };
    return isSignature(quote.signedBytes, createPublicKey({ key: jwk, format: "jwk" }), quote.signature);
  } catch {
    return false;
  }
}

function bindsKey(quote: Quote): boolean {
  const hash = createHash("sha256").update(quote.attestationKeyBytes).update(quote.authData).digest();
  const data = quote.qeReportBytes.subarray(320, 384);
  return hash.equals(data.subarray(0, 32)) && firstNonZero(data, 32, 64) < 0;
}

function signedByLeaf(quote: Quote, leaf: X509Certificate | undefined): boolean {
  if (leaf === undefined) return false;
  try {
    const key = leaf.publicKey;
    const p256 = key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";
    return p256 && isSignature(quote.qeReportBytes, key, quote.qeReportSignature);
  } catch {
    return false;
  }
}

function isSignature(message: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  return verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature);
}
