/** Measurement cases: each against the public functions of `postern/measure`. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  certificatesOf,
  checkQuote,
  commonName,
  compareAttributes,
  MeasureError,
  measurePages,
  measureSgxs,
  measureSgxsStream,
  parsePageList,
  parseQuote,
  parseReport,
  parseSigstruct,
  parseTargetInfo,
  signSigstruct,
  targetInfoOf,
  verifyReport,
  verifySigstruct,
} from "postern/measure";
import type { VectorCase } from "../replay.js";

type Expected = Record<string, unknown>;

/** Runs `action` and compares what it returns, or the reason with which it refuses. */
function outcome(expected: Expected, action: () => Expected): void {
  assert.deepEqual(pick(refusable(action), expected), expected);
}

function refusable(action: () => Expected): Expected {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof MeasureError)) throw error;
    assert.equal(typeof error.offset, "number", "a refusal must tell the byte offset");
    return { error: error.reason };
  }
}

/** The part of `actual` that `expected` speaks of, at every depth. */
function pick(actual: unknown, expected: unknown): unknown {
  const isRecord = (value: unknown): value is Expected =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isRecord(actual) || !isRecord(expected)) return actual;
  return Object.fromEntries(Object.keys(expected).map((name) => [name, pick(actual[name], expected[name])]));
}

const bytesOf = (vector: VectorCase) => Buffer.from(vector.input.base64, "base64");

async function sgxs(vector: VectorCase): Promise<void> {
  const bytes = bytesOf(vector);
  outcome(vector.expect, () => ({ ...measureSgxs(bytes) }));
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += 61) yield bytes.subarray(at, at + 61);
  }
  const streamed = await measureSgxsStream(pieces()).then(
    (measured) => () => ({ ...measured }),
    (error) => () => {
      throw error;
    },
  );
  outcome(vector.expect, streamed);
}

function sigstruct(vector: VectorCase): void {
  const bytes = bytesOf(vector);
  if (vector.expect.error === "length") {
    outcome({ error: "length" }, () => ({ ...verifySigstruct(bytes) }));
    outcome({ error: "length" }, () => ({ ...parseSigstruct(bytes) }));
    return;
  }
  outcome(vector.expect, () => ({ ...verifySigstruct(bytes), fields: parseSigstruct(bytes) }));
}

function sign(vector: VectorCase): void {
  const { bytes, mrsigner } = signSigstruct(vector.input.fields, vector.input.key);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  assert.deepEqual(pick({ base64: bytes.toString("base64"), sha256, mrsigner }, vector.expect), vector.expect);
}

function report(vector: VectorCase): void {
  const bytes = Buffer.from(vector.input.hex, "hex");
  outcome(vector.expect, () => {
    const fields = parseReport(bytes);
    const target = targetInfoOf(fields);
    assert.equal(parseTargetInfo(target).mrenclave, fields.mrenclave);
    return {
      fields,
      macValid: verifyReport(bytes, Buffer.from(vector.input.key, "hex")),
      targetinfo: target.toString("hex").replace(/(00)+$/, ""),
      targetinfoLength: target.length,
    };
  });
}

function quote(vector: VectorCase): void {
  outcome(vector.expect, () => {
    const parsed = parseQuote(bytesOf(vector));
    const names = certificatesOf(parsed).certificates.map(commonName);
    return { ...parsed, certSubjectsCN: names, checks: checkQuote(parsed) };
  });
}

const RUNNERS: Readonly<Record<string, (vector: VectorCase) => void | Promise<void>>> = {
  pages: (vector) => outcome(vector.expect, () => ({ ...measurePages(parsePageList(vector.input)) })),
  sgxs,
  sigstruct,
  sign,
  einit: (vector) => outcome(vector.expect, () => ({ ...compareAttributes(vector.input.secs, vector.input.sig) })),
  report,
  quote,
};

export function runCase(vector: VectorCase): void | Promise<void> {
  const run = Object.hasOwn(RUNNERS, vector.kind) ? RUNNERS[vector.kind] : undefined;
  if (run === undefined) throw new Error(`not a kind of measurement: ${vector.kind}`);
  return run(vector);
}
