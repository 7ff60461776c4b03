import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  aesCmac,
  makeReport,
  makeTargetInfo,
  parseReport,
  parseTargetInfo,
  reservedOfReportBody,
  softwareReportKey,
  targetInfoOf,
  verifyReport,
} from "postern/measure";
import { flipped, refuses } from "./refusals.js";

const KEY = Buffer.from("2b7e151628aed2a6abf7158809cf4f3c", "hex");
const KEYID = "5c".repeat(32);

test("CMAC gives the values of RFC 4493, section 4", () => {
  const message = Buffer.from(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" +
      "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
    "hex",
  );
  const expected: readonly (readonly [number, string])[] = [
    [0, "bb1d6929e95937287fa37d129b756746"],
    [16, "070a16b46b4d4144f79bdd9dd04a287c"],
    [40, "dfa66747de9ae63030ca32611497c827"],
    [64, "51f0bebf7e3b9d92fc49741779363cfe"],
  ];
  for (const [length, mac] of expected) assert.equal(aesCmac(KEY, message.subarray(0, length)).toString("hex"), mac);
});

const FIELDS = {
  cpusvn: "01".repeat(16),
  miscselect: "0x1",
  cetattributes: 2,
  isvextprodid: "03".repeat(16),
  attributes: "0x7",
  xfrm: "0xe7",
  mrenclave: "04".repeat(32),
  mrsigner: "05".repeat(32),
  configid: "06".repeat(64),
  isvprodid: 7,
  isvsvn: 8,
  configsvn: 9,
  isvfamilyid: "0a".repeat(16),
  reportdata: "0b".repeat(64),
};

test("a report reads back as it was made, and its MAC holds for its key alone", () => {
  const report = makeReport(FIELDS, KEY, KEYID);
  assert.equal(report.length, 432);
  const { mac, ...fields } = parseReport(report);
  assert.deepEqual(fields, { ...FIELDS, keyid: KEYID });
  assert.equal(mac, report.toString("hex", 416));
  assert.equal(verifyReport(report, KEY), true);
  assert.equal(verifyReport(report, flipped(KEY, 0)), false);
});

test("no byte of the body or the MAC can change", () => {
  const report = makeReport(FIELDS, KEY, KEYID);
  fc.assert(
    fc.property(fc.nat(431), fc.integer({ min: 1, max: 255 }), (at, bits) => {
      const inKeyId = at >= 384 && at < 416;
      assert.equal(verifyReport(flipped(report, at, bits), KEY), inKeyId);
    }),
  );
});

test("TARGETINFO names the enclave of a report", () => {
  const target = targetInfoOf(parseReport(makeReport(FIELDS, KEY, KEYID)));
  const { mrenclave, attributes, xfrm, cetattributes, configsvn, miscselect, configid } = FIELDS;
  assert.deepEqual(parseTargetInfo(target), {
    mrenclave,
    attributes,
    xfrm,
    cetattributes,
    configsvn,
    miscselect,
    configid,
  });
  assert.deepEqual(makeTargetInfo(parseTargetInfo(target)), target);
});

test("a TARGETINFO is read or refused at the first reserved byte that is not zero", () => {
  const target = makeTargetInfo({ mrenclave: FIELDS.mrenclave });
  for (const at of [49, 56, 63, 128, 511]) refuses(() => parseTargetInfo(flipped(target, at)), "field", at);
  for (const at of [0, 32, 48, 50, 52, 64, 127])
    assert.notDeepEqual(parseTargetInfo(flipped(target, at)), parseTargetInfo(target));
  for (const size of [0, 511, 513]) refuses(() => parseTargetInfo(Buffer.alloc(size)), "length", Math.min(size, 512));
});

test("a report of another size is refused, any of the right size is read", () => {
  for (const size of [0, 431, 433]) refuses(() => parseReport(Buffer.alloc(size)), "length", Math.min(size, 432));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 432, maxLength: 432 }), (bytes) => {
      const { mrenclave } = parseReport(bytes);
      assert.equal(mrenclave, Buffer.from(bytes).toString("hex", 64, 96));
      assert.equal(verifyReport(bytes, KEY), false);
    }),
  );
});

test("reserved bytes of a report body are found", () => {
  const body = makeReport(FIELDS, KEY, KEYID).subarray(0, 384);
  assert.equal(reservedOfReportBody(body), -1);
  for (const at of [21, 31, 96, 127, 160, 191, 262, 303]) assert.equal(reservedOfReportBody(flipped(body, at)), at);
});

test("values that do not fit are refused", () => {
  refuses(() => makeReport({ isvsvn: 65536 }, KEY, KEYID), "field");
  refuses(() => makeReport({ mrenclave: "00" }, KEY, KEYID), "field");
  refuses(() => makeReport({}, KEY, "00"), "field");
  refuses(() => makeReport({}, KEY.subarray(1), KEYID), "length", 15);
});

test("a software report key depends on the secret, the target and the key id, and on nothing else", () => {
  const secret = Buffer.alloc(32, 9);
  const target = parseTargetInfo(targetInfoOf(parseReport(makeReport(FIELDS, KEY, KEYID))));
  const base = softwareReportKey(secret, target, KEYID).toString("hex");
  assert.equal(base.length, 32);
  const others = [
    softwareReportKey(flipped(secret, 0), target, KEYID),
    softwareReportKey(secret, { ...target, mrenclave: "ff".repeat(32) }, KEYID),
    softwareReportKey(secret, { ...target, attributes: "0x5" }, KEYID),
    softwareReportKey(secret, { ...target, xfrm: "0x3" }, KEYID),
    softwareReportKey(secret, target, "00".repeat(32)),
  ];
  for (const other of others) assert.notEqual(other.toString("hex"), base);
  assert.equal(softwareReportKey(secret, { ...target, miscselect: "0x0", configsvn: 0 }, KEYID).toString("hex"), base);
  refuses(() => softwareReportKey(secret.subarray(0, 15), target, KEYID), "length");
});
