/** Attestation served from files, so that guests which ask for it can be run and tested on any machine. */
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { PosternError } from "../errors.js";
import { Errno } from "../sallyport/linux.js";
import type { Attestation } from "./services.js";

/** Largest file that is served. */
const FILE_BYTES_MAX = 1 << 20;
const TARGET_INFO_BYTES = 512;

/** Files to serve; what is left out answers ENOSYS. */
export interface AttestationFiles {
  /** A quote, handed out for any report. */
  readonly sgxQuote?: string;
  /** TARGETINFO, 512 bytes. */
  readonly sgxTargetInfo?: string;
  /** Certificate chain of the VCEK. */
  readonly snpVcek?: string;
}

function readBounded(path: string): Uint8Array {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    throw new PosternError("ENOTFOUND", `cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  try {
    const { size } = fstatSync(descriptor);
    if (size > FILE_BYTES_MAX) {
      throw new PosternError(
        "EMALFORMED",
        `${path} has ${size} bytes; attestation files have at most ${FILE_BYTES_MAX}`,
      );
    }
    return new Uint8Array(readFileSync(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Reads the files, once.
 * @throws PosternError ENOTFOUND, EMALFORMED for a file too large or a TARGETINFO of another length
 */
export function attestationFromFiles(files: AttestationFiles): Attestation {
  const load = (path: string | undefined) => (path === undefined ? undefined : readBounded(path));
  const quote = load(files.sgxQuote);
  const targetInfo = load(files.sgxTargetInfo);
  const vcek = load(files.snpVcek);
  if (targetInfo !== undefined && targetInfo.length !== TARGET_INFO_BYTES) {
    const message = `${files.sgxTargetInfo} has ${targetInfo.length} bytes; a TARGETINFO has ${TARGET_INFO_BYTES}`;
    throw new PosternError("EMALFORMED", message, { offset: Math.min(targetInfo.length, TARGET_INFO_BYTES) });
  }
  return {
    sgxQuoteSize: () => quote?.length ?? -Errno.ENOSYS,
    sgxQuote: () => quote ?? -Errno.ENOSYS,
    sgxTargetInfo: () => targetInfo ?? -Errno.ENOSYS,
    snpVcek: () => vcek ?? -Errno.ENOSYS,
  };
}
