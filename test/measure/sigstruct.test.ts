import assert from "node:assert/strict";
import { constants, createHash, createPrivateKey, generateKeyPairSync, privateEncrypt } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import {
  assembleSigstruct,
  bytesToSign,
  compareAttributes,
  einit,
  parseSigstruct,
  type SigstructInput,
  signSigstruct,
  verifySigstruct,
} from "postern/measure";
import { readCases, vectorFiles } from "../vectors/replay.js";
import { flipped, reasonOf, refuses } from "./refusals.js";

/** The key of the recorded cases; it protects nothing. Looking for primes takes anything from a second up. */
const recorded = readCases(vectorFiles("measure.jsonl")[0]!).find(({ kind }) => kind === "sign")!;
const key = createPrivateKey({ key: recorded.input.key, format: "jwk" });
const MRENCLAVE = "ab".repeat(32);
const INPUT: SigstructInput = {
  enclavehash: MRENCLAVE,
  date: "20240229",
  attributes: "0x4",
  xfrm: 3,
  attributemask: "0xfffffffffffffffd",
  xfrmmask: 3n,
  miscmask: 0xffffffff,
  isvprodid: 7,
  isvsvn: 3,
  isvfamilyid: "0f".repeat(16),
};
const signed = signSigstruct(INPUT, key);

test("what is signed can be read back and is valid", () => {
  assert.equal(signed.bytes.length, 1808);
  const fields = parseSigstruct(signed.bytes);
  assert.deepEqual(
    [fields.enclavehash, fields.date, fields.attributes, fields.attributemask, fields.isvprodid, fields.isvsvn],
    [MRENCLAVE, "20240229", "0x4", "0xfffffffffffffffd", 7, 3],
  );
  assert.deepEqual([fields.isvfamilyid, fields.mrsigner], ["0f".repeat(16), signed.mrsigner]);
  assert.deepEqual(verifySigstruct(signed.bytes), { valid: true, error: null, difference: null });
  assert.deepEqual(signSigstruct(INPUT, key).bytes, signed.bytes);
});

test("a key is taken as PEM text, PEM bytes, JSON Web Key or key object", () => {
  const pem = key.export({ type: "pkcs8", format: "pem" }) as string;
  for (const form of [pem, Buffer.from(pem), key.export({ format: "jwk" }), createPrivateKey(pem)]) {
    assert.deepEqual(signSigstruct(INPUT, form).bytes, signed.bytes);
  }
});

test("a signature made elsewhere is put in its place", () => {
  const information = Buffer.from("3031300d060960864801650304020105000420", "hex");
  const digest = createHash("sha256").update(bytesToSign(INPUT)).digest();
  const signature = privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, Buffer.concat([information, digest]));
  const modulus = Buffer.from(String(key.export({ format: "jwk" }).n), "base64url");
  assert.deepEqual(assembleSigstruct(INPUT, modulus, signature).bytes, signed.bytes);
  refuses(() => assembleSigstruct(INPUT, modulus, flipped(signature, 100)), "field");
  refuses(() => assembleSigstruct(INPUT, modulus, Buffer.alloc(384, 0xff)), "field");
  refuses(() => assembleSigstruct(INPUT, Buffer.alloc(384), signature), "field");
  refuses(() => assembleSigstruct(INPUT, modulus.subarray(1), signature), "field");
  refuses(() => assembleSigstruct(INPUT, modulus, signature.subarray(1)), "field");
});

test("keys of another kind and values out of range are refused", () => {
  const other = generateKeyPairSync("rsa", { modulusLength: 3072, publicExponent: 65537 }).privateKey;
  const elliptic = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  for (const wrong of [other, elliptic, "no key", Buffer.alloc(10), { kty: "RSA" }, key.export({ format: "jwk" }).n!]) {
    refuses(() => signSigstruct(INPUT, wrong), "field");
  }
  const values: Partial<SigstructInput>[] = [
    { enclavehash: "ab" },
    { date: "2024022" },
    { date: "2024022a" },
    { isvsvn: 65536 },
    { isvprodid: -1 },
    { attributes: "0x10000000000000000" },
    { miscselect: 1.5 },
    { vendor: "intel" },
    { vendor: 1 },
    { isvextprodid: "00" },
  ];
  for (const wrong of values) refuses(() => signSigstruct({ ...INPUT, ...wrong }, key), "field");
});

test("no byte can change without the structure becoming invalid", () => {
  fc.assert(
    fc.property(fc.nat(1807), fc.integer({ min: 1, max: 255 }), (at, bits) => {
      const verdict = verifySigstruct(flipped(signed.bytes, at, bits));
      assert.equal(verdict.valid, false, `byte ${at}`);
      assert.ok(verdict.difference);
    }),
    { numRuns: 300 },
  );
});

test("the first difference is named", () => {
  const difference = (at: number) => verifySigstruct(flipped(signed.bytes, at)).difference;
  assert.match(String(difference(3)), /^byte 0: HEADER/);
  assert.match(String(difference(16)), /^byte 16: VENDOR/);
  assert.match(String(difference(39)), /^byte 24: HEADER2/);
  assert.match(String(difference(515)), /^byte 512: EXPONENT/);
  for (const at of [44, 127, 910, 992, 1007, 1028, 1039]) {
    assert.match(String(difference(at)), new RegExp(`^byte ${at}: a reserved byte`));
  }
  assert.match(String(difference(960)), /^byte 516: SIGNATURE/);
  assert.match(String(difference(1040)), /^byte 1040: Q1/);
  assert.match(String(difference(1807)), /^byte 1424: Q2/);
});

test("a zero modulus, and a signature that is not below the modulus, are invalid", () => {
  const zero = Buffer.from(signed.bytes);
  zero.fill(0, 128, 512);
  assert.equal(verifySigstruct(zero).error, "SGX_INVALID_SIGNATURE");
  const large = Buffer.from(signed.bytes);
  large.fill(0xff, 516, 900);
  assert.match(String(verifySigstruct(large).difference), /not below MODULUS/);
});

test("any bytes of the right size get a verdict, any other size is refused with the offset", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1808, maxLength: 1808 }), (bytes) => {
      assert.equal(verifySigstruct(bytes).valid, false);
      parseSigstruct(bytes);
    }),
    { numRuns: 20 },
  );
  for (const size of [0, 1, 1807, 1809, 5000]) {
    refuses(() => parseSigstruct(Buffer.alloc(size)), "length", Math.min(size, 1808));
    refuses(() => verifySigstruct(Buffer.alloc(size)), "length", Math.min(size, 1808));
  }
});

const SECS = { attributes: 4, xfrm: 3, miscselect: 0 };

test("EINIT accepts what was signed and tells what it would store", () => {
  assert.deepEqual(einit(signed.bytes, MRENCLAVE.toUpperCase(), SECS), {
    ok: true,
    error: null,
    code: 0,
    difference: null,
    mrenclave: MRENCLAVE,
    mrsigner: signed.mrsigner,
    isvprodid: 7,
    isvsvn: 3,
  });
});

test("EINIT compares in its order: structure, signature, measurement, attributes", () => {
  const wrong = { attributes: 6, xfrm: 0, miscselect: 1 };
  const other = "cd".repeat(32);
  const answer = (bytes: Buffer, hash: string, secs: typeof SECS) => {
    const { ok, error, code } = einit(bytes, hash, secs);
    return [ok, error, code];
  };
  const broken = flipped(flipped(signed.bytes, 0), 960);
  assert.deepEqual(answer(broken, other, wrong), [false, "SGX_INVALID_SIG_STRUCT", 1]);
  assert.deepEqual(answer(flipped(signed.bytes, 960), other, wrong), [false, "SGX_INVALID_SIGNATURE", 8]);
  assert.deepEqual(answer(signed.bytes, other, wrong), [false, "SGX_INVALID_MEASUREMENT", 4]);
  assert.deepEqual(answer(signed.bytes, MRENCLAVE, wrong), [false, "SGX_INVALID_ATTRIBUTE", 2]);
  assert.equal(
    reasonOf(() => einit(signed.bytes, "00", SECS)),
    "field",
  );
});

test("attributes differ only where the mask looks", () => {
  const word = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
  fc.assert(
    fc.property(word, word, word, (enclave, sealed, mask) => {
      const verdict = compareAttributes(
        { attributes: enclave, xfrm: 3, miscselect: 0 },
        { attributes: sealed, attributemask: mask, xfrm: 3, xfrmmask: 3, miscselect: 0, miscmask: 0 },
      );
      assert.equal(verdict.ok, (enclave & mask) === (sealed & mask));
      if (!verdict.ok) assert.match(String(verdict.difference), /^attributes: the enclave has 0x/);
    }),
  );
});
