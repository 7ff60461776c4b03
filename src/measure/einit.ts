/** EINIT's comparison: would this SIGSTRUCT start this enclave? In the order of the processor, so the first difference is the answer. */
import { unsigned } from "./bytes.js";
import { MeasureError } from "./error.js";
import type { NumberLike } from "./sign.js";
import { EINIT_CODES, type EinitError, parseSigstruct, verifySigstruct } from "./sigstruct.js";

/** What the enclave was created with. */
export interface SecsFields {
  readonly attributes: NumberLike;
  readonly xfrm: NumberLike;
  readonly miscselect: NumberLike;
  readonly cetattributes?: NumberLike;
}

/** The part of a SIGSTRUCT that is compared with the SECS. */
export interface MaskedFields extends SecsFields {
  readonly attributemask: NumberLike;
  readonly xfrmmask: NumberLike;
  readonly miscmask: NumberLike;
  readonly cetmask?: NumberLike;
}

/** Outcome: `ok`, or the error that EINIT would answer and the first difference in words. */
export interface EinitVerdict {
  readonly ok: boolean;
  readonly error: EinitError | null;
  /** Number of the error, 0 for none. */
  readonly code: number;
  readonly difference: string | null;
}

/** What EINIT would store in the SECS. */
export interface EinitResult extends EinitVerdict {
  readonly mrenclave: string;
  readonly mrsigner: string;
  readonly isvprodid: number;
  readonly isvsvn: number;
}

const COMPARED = [
  { name: "attributes", mask: "attributemask", bits: 64 },
  { name: "xfrm", mask: "xfrmmask", bits: 64 },
  { name: "miscselect", mask: "miscmask", bits: 32 },
  { name: "cetattributes", mask: "cetmask", bits: 8 },
] as const;

const ACCEPTED: EinitVerdict = { ok: true, error: null, code: 0, difference: null };

/**
 * The comparison under the masks: both sides are masked.
 * @throws MeasureError `field`
 */
export function compareAttributes(secs: SecsFields, sigstruct: MaskedFields): EinitVerdict {
  for (const { name, mask, bits } of COMPARED) {
    const enclave = unsigned(secs[name] ?? 0, bits, `secs.${name}`);
    const signed = unsigned(sigstruct[name] ?? 0, bits, `sigstruct.${name}`);
    const masked = unsigned(sigstruct[mask] ?? 0, bits, `sigstruct.${mask}`);
    const differing = (enclave ^ signed) & masked;
    if (differing !== 0n) {
      const [a, b, bit] = [enclave, signed, differing].map((value) => `0x${value.toString(16)}`);
      return refused("SGX_INVALID_ATTRIBUTE", `${name}: the enclave has ${a}, signed is ${b}, they differ in ${bit}`);
    }
  }
  return ACCEPTED;
}

/**
 * All of EINIT's comparison: structure, signature, measurement, attributes.
 * @param sigstruct 1808 bytes
 * @param mrenclave the computed measurement, 64 hex digits
 * @throws MeasureError `length`, `field`
 */
export function einit(sigstruct: Uint8Array, mrenclave: string, secs: SecsFields): EinitResult {
  const bytes = Buffer.from(sigstruct);
  const fields = parseSigstruct(bytes);
  if (!/^[0-9a-f]{64}$/i.test(mrenclave)) throw new MeasureError("field", "mrenclave must be 64 hex digits");
  const computed = mrenclave.toLowerCase();
  const { mrsigner, isvprodid, isvsvn } = fields;
  const { error, difference } = verifySigstruct(bytes);
  let verdict: EinitVerdict;
  if (error !== null) verdict = refused(error, difference ?? error);
  else if (fields.enclavehash !== computed) {
    const text = `byte 960: ENCLAVEHASH is ${fields.enclavehash}, the enclave measures ${computed}`;
    verdict = refused("SGX_INVALID_MEASUREMENT", text);
  } else verdict = compareAttributes(secs, fields);
  return { ...verdict, mrenclave: computed, mrsigner, isvprodid, isvsvn };
}

function refused(error: EinitError, difference: string): EinitVerdict {
  return { ok: false, error, code: EINIT_CODES[error], difference };
}
