/** The PEM chain of a quote: finding the certificates, the leaf, and the way from it to a pinned root. */
import { X509Certificate } from "node:crypto";

/** Most certificates of one chain that are looked at. */
export const CERTIFICATES_MAX = 8;

const BEGIN = "-----BEGIN CERTIFICATE-----";
const END = "-----END CERTIFICATE-----";

/** The certificates of a PEM text. What is not one is left out and counted in `unreadable`. */
export interface CertificateList {
  readonly certificates: readonly X509Certificate[];
  readonly unreadable: number;
}

/** Finds every PEM certificate, in any order and with any text between, before and behind. */
export function readCertificates(pem: Uint8Array): CertificateList {
  const text = Buffer.from(pem).toString("latin1");
  const certificates: X509Certificate[] = [];
  let unreadable = 0;
  let at = text.indexOf(BEGIN);
  while (at >= 0 && certificates.length + unreadable <= CERTIFICATES_MAX) {
    const end = text.indexOf(END, at);
    const certificate = end < 0 ? undefined : certificateFrom(text.slice(at, end + END.length));
    if (certificate === undefined) unreadable++;
    else certificates.push(certificate);
    if (end < 0) break;
    at = text.indexOf(BEGIN, end);
  }
  return { certificates, unreadable };
}

/** A certificate from PEM or DER, or undefined. */
export function certificateFrom(bytes: string | Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(typeof bytes === "string" ? bytes : Buffer.from(bytes));
  } catch {
    return undefined;
  }
}

/**
 * A root to pin: DER, or PEM text with exactly one certificate, which must be an authority. A file that holds more is refused, so
 * that nobody pins what came along with a quote.
 * @returns undefined when it is anything else
 */
export function rootFrom(bytes: string | Uint8Array): X509Certificate | undefined {
  const text = Buffer.from(bytes).toString("latin1");
  const pem = text.includes("-----BEGIN");
  if (pem && (!/^[\t\n\r -~]*$/.test(text) || text.split("-----BEGIN").length !== 2)) return undefined;
  const certificate = certificateFrom(bytes);
  return certificate?.ca ? certificate : undefined;
}

/** The common name of a certificate's subject, or its whole subject when it has none. */
export function commonName(certificate: X509Certificate): string {
  return /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? certificate.subject;
}

/** Whether `issuer` signed `certificate` and may do so. */
export function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

/** The first certificate that is no authority and signed none of the others. */
export function leafOf(list: readonly X509Certificate[]): X509Certificate | undefined {
  return list.find((candidate) => !candidate.ca && !list.some((other) => isSignedBy(other, candidate)));
}

/** Whether there are certificates, all could be read, and each is signed by one of them. Says nothing about trust. */
export function isClosedChain({ certificates, unreadable }: CertificateList): boolean {
  if (certificates.length === 0 || certificates.length > CERTIFICATES_MAX || unreadable > 0) return false;
  return certificates.every((each) => certificates.some((issuer) => isSignedBy(each, issuer)));
}

/** A way from a leaf to a pinned root, or the reason why there is none. */
export type ChainPath = { readonly path: readonly X509Certificate[] } | { readonly difference: string };

/**
 * Follows the issuers from `leaf` to one of `roots`; the roots come from the caller, never from the quote.
 * @param at the moment at which every certificate must be valid
 */
export function pathToRoot(
  leaf: X509Certificate,
  list: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  at: Date,
): ChainPath {
  const path = [leaf];
  for (let current = leaf; path.length <= CERTIFICATES_MAX; ) {
    const expired = validityDifference(current, at);
    if (expired !== undefined) return { difference: expired };
    if (roots.some((root) => root.raw.equals(current.raw))) return { path };
    const root = roots.find((candidate) => isSignedBy(current, candidate));
    const issuer = root ?? list.find((each) => !path.includes(each) && isSignedBy(current, each));
    if (issuer === undefined) {
      const selfSigned = isSignedBy(current, current);
      const name = commonName(current);
      return {
        difference: selfSigned ? `the root "${name}" is not the pinned one` : `no issuer of "${name}" is at hand`,
      };
    }
    path.push(issuer);
    current = issuer;
  }
  return { difference: `the chain has more than ${CERTIFICATES_MAX} certificates` };
}

/** Dates that cannot be read are never within. */
function validityDifference(certificate: X509Certificate, at: Date): string | undefined {
  const { validFrom, validTo } = certificate;
  if (!(at.getTime() >= Date.parse(validFrom))) {
    return `the certificate "${commonName(certificate)}" is not valid before ${validFrom}`;
  }
  if (!(at.getTime() <= Date.parse(validTo))) {
    return `the certificate "${commonName(certificate)}" was valid until ${validTo}`;
  }
  return undefined;
}
