import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { certificatesOf, checkQuote, commonName, parseQuote, type QuotePolicy, verifyQuote } from "postern/measure";
import { Chain, makeCertificate, makeQuote, newKey, QE_MRSIGNER } from "./quotes.js";
import { flipped, reasonOf, refuses } from "./refusals.js";

const chain = new Chain();
const AT = new Date("2024-06-01");
const POLICY: QuotePolicy = { roots: [chain.root], at: AT, qeMrsigner: QE_MRSIGNER };
const quote = makeQuote({ chain });

/** The first difference, or null. */
const difference = (bytes: Uint8Array, policy: Partial<QuotePolicy> = {}) => {
  const verdict = verifyQuote(bytes, { ...POLICY, ...policy });
  assert.equal(verdict.verified, verdict.difference === null);
  return verdict.difference;
};

test("a good quote is verified, and every step says so", () => {
  const verdict = verifyQuote(quote, POLICY);
  assert.equal(verdict.difference, null);
  assert.ok(verdict.steps.length >= 9 && verdict.steps.every(({ holds, detail }) => holds && detail !== ""));
  assert.deepEqual(checkQuote(parseQuote(quote)), {
    quoteSignature: true,
    keyBinding: true,
    qeReportSignature: true,
    chain: true,
  });
});

test("the chain may come in any order, with text between and behind", () => {
  for (const parts of [
    [chain.leaf, chain.root, chain.authority],
    [chain.root, "comment\n", chain.authority, chain.leaf],
    [chain.leaf, chain.authority, chain.root, "\n\0"],
    [chain.leaf, chain.authority],
  ]) {
    assert.equal(difference(makeQuote({ chain, certData: Buffer.from(parts.join("")) })), null);
  }
});

test("only the pinned root counts, never one that the quote brings along", () => {
  const stranger = new Chain();
  assert.match(String(difference(makeQuote({ chain: stranger }))), /the root "Test Root" is not the pinned one/);
  assert.deepEqual(checkQuote(parseQuote(makeQuote({ chain: stranger }))).chain, true);
  assert.equal(difference(quote, { roots: [stranger.root, chain.root] }), null);
  refuses(() => verifyQuote(quote, { ...POLICY, roots: [] }), "field");
  const der = new X509Certificate(chain.root).raw;
  assert.equal(difference(quote, { roots: [der] }), null);
  for (const root of [
    "no certificate",
    "",
    chain.leaf,
    chain.pem,
    chain.root + chain.root,
    quote,
    Buffer.from(chain.pem),
  ]) {
    refuses(() => verifyQuote(quote, { ...POLICY, roots: [root] }), "field");
  }
});

test("a chain with a gap, without a leaf, or of another kind is not verified", () => {
  const only = (...parts: string[]) => difference(makeQuote({ chain, certData: Buffer.from(parts.join("")) }));
  assert.match(String(only(chain.leaf)), /no issuer of "Test Leaf"/);
  assert.match(String(only(chain.authority, chain.root)), /no leaf certificate/);
  assert.match(String(only("")), /no leaf certificate/);
  assert.match(String(only("-----BEGIN CERTIFICATE-----\nAAAA")), /no leaf certificate/);
  assert.match(String(difference(makeQuote({ chain, certDataType: 1 }))), /certification type 1/);
});

test("an issuer that is no authority does not count", () => {
  const middle = newKey();
  const end = newKey();
  const signer = chain.keys.leaf.privateKey;
  const fake = (subject: string, issuer: string, key: typeof middle, by: typeof signer) =>
    makeCertificate({ subject, issuer, key: key.publicKey, signer: by, ca: false });
  const forged = { keys: { ...chain.keys, leaf: end } } as Chain;
  const certificates = [
    fake("Forged", "Middle", end, middle.privateKey),
    fake("Middle", "Test Leaf", middle, signer),
    chain.pem,
  ];
  const bytes = makeQuote({ chain: forged, certData: Buffer.from(certificates.join("")) });
  assert.match(String(difference(bytes)), /no issuer of "Forged"/);
});

test("certificates must be valid at the given time", () => {
  assert.match(String(difference(quote, { at: new Date("2019-01-01") })), /"Test Leaf" is not valid before/);
  assert.match(String(difference(quote, { at: new Date("2121-01-01") })), /"Test Leaf" was valid until/);
  refuses(() => verifyQuote(quote, { ...POLICY, at: new Date("soon") }), "field");
  const short = new Chain({ leaf: new Date("2023-01-01") });
  assert.match(String(difference(makeQuote({ chain: short }), { roots: [short.root] })), /was valid until/);
});

test("each part that is changed fails at its own step", () => {
  const at = (offset: number) => String(difference(flipped(quote, offset)));
  assert.match(at(2), /key type 3/);
  assert.match(at(60), /header and report are not signed/);
  assert.match(at(436), /header and report are not signed/);
  assert.match(at(500), /does not name the attestation key/);
  assert.match(at(564), /the quoting enclave's report is not signed/);
  assert.match(at(948), /the quoting enclave's report is not signed/);
  assert.match(at(1014), /does not name the attestation key/);
});

test("reportdata of the quoting enclave must be zero behind the hash", () => {
  const { reportdata } = parseQuote(quote).qeReport;
  assert.match(reportdata, /^[0-9a-f]{64}0{64}$/);
  const other = makeQuote({ chain, qeReport: { reportdata: "01".repeat(64) } });
  assert.equal(checkQuote(parseQuote(other)).keyBinding, false);
});

test("the policy is checked and the first difference named", () => {
  const cases: readonly (readonly [Partial<QuotePolicy>, RegExp | null])[] = [
    [{ mrenclave: "11".repeat(32) }, null],
    [{ mrenclave: "12".repeat(32) }, /^MRENCLAVE is 11/],
    [{ mrsigner: "22".repeat(32) }, null],
    [{ mrsigner: "11".repeat(32) }, /^MRSIGNER is 22/],
    [{ isvprodid: 0 }, null],
    [{ isvprodid: 1 }, /^ISVPRODID is 0, expected 1/],
    [{ isvsvnMin: 1 }, /^ISVSVN is 0, expected at least 1/],
    [{ reportdata: "" }, null],
    [{ reportdata: "AB" }, /^REPORTDATA is 0/],
    [{ qeIsvsvnMin: 5 }, null],
    [{ qeIsvsvnMin: 6 }, /ISVSVN is 5, expected at least 6/],
    [{ qeMrsigner: "00".repeat(32) }, /^quoting enclave's MRSIGNER is 7a/],
  ];
  for (const [policy, expected] of cases) {
    const found = difference(quote, policy);
    if (expected === null) assert.equal(found, null);
    else assert.match(String(found), expected);
  }
  const { qeMrsigner: _, ...intel } = POLICY;
  assert.match(String(verifyQuote(quote, intel).difference), /expected 8c4f5775/);
  for (const wrong of [{ mrenclave: "11" }, { reportdata: "abc" }, { reportdata: "0".repeat(130) }]) {
    refuses(() => verifyQuote(quote, { ...POLICY, ...wrong }), "field");
  }
});

test("a debug enclave and one that was not initialised are refused, debug unless allowed", () => {
  const debug = makeQuote({ chain, report: { attributes: 7 } });
  assert.match(String(difference(debug)), /debug enclave/);
  assert.equal(difference(debug, { allowDebug: true }), null);
  assert.match(String(difference(makeQuote({ chain, report: { attributes: 4 } }))), /not initialised/);
  const qeDebug = makeQuote({ chain, qeReport: { attributes: 7 } });
  assert.match(String(difference(qeDebug, { allowDebug: true })), /debug enclave|does not name/);
});

test("a quote that is cut, too long or of another version is refused with the offset", () => {
  for (let length = 0; length < quote.length; length += 3) {
    const cut = quote.subarray(0, length);
    if (length < 436) refuses(() => parseQuote(cut), "truncated", length);
    else refuses(() => parseQuote(cut), "signature-length", 432);
    if (length < 440) continue;
    const fixed = Buffer.from(cut);
    fixed.writeUInt32LE(length - 436, 432);
    refuses(() => parseQuote(fixed), "truncated", length);
  }
  refuses(() => parseQuote(Buffer.concat([quote, Buffer.of(0)])), "signature-length", 432);
  const padded = Buffer.concat([quote, Buffer.of(0)]);
  padded.writeUInt32LE(padded.length - 436, 432);
  refuses(() => parseQuote(padded), "signature-length", quote.length);
  refuses(() => parseQuote(flipped(quote, 0)), "version", 0);
  refuses(() => parseQuote(Buffer.alloc(128 * 1024 + 1)), "limit", 128 * 1024);
});

test("certificates have the names of their subjects", () => {
  const names = certificatesOf(parseQuote(quote)).certificates.map(commonName);
  assert.deepEqual(names, ["Test Leaf", "Test Authority", "Test Root"]);
});

test("very many certificates are not followed", () => {
  const many = Buffer.from(chain.pem + chain.root.repeat(20));
  const checks = checkQuote(parseQuote(makeQuote({ chain, certData: many })));
  assert.equal(checks.chain, false);
});

test("no changed byte makes a quote verified that was not signed like this", () => {
  const certificatesStart = quote.length - Buffer.byteLength(chain.pem);
  fc.assert(
    fc.property(fc.nat(certificatesStart - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
      const changed = flipped(quote, at, bits);
      const reason = reasonOf(() => assert.notEqual(difference(changed), null), quote.length);
      assert.ok(reason === null || ["version", "signature-length", "truncated"].includes(reason));
    }),
    { numRuns: 300 },
  );
});

test("changed certificates are read, refused or not verified, but never break the reader", () => {
  const start = quote.length - Buffer.byteLength(chain.pem);
  fc.assert(
    fc.property(fc.integer({ min: start, max: quote.length - 1 }), fc.nat(255), (at, value) => {
      const changed = Buffer.from(quote);
      changed[at] = value;
      difference(changed);
      checkQuote(parseQuote(changed));
    }),
    { numRuns: 300 },
  );
});
