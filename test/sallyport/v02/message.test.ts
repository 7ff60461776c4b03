import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Block, Message, Register, Reply, Request, request } from "postern/sallyport/v02";
import { PosternError } from "#src/errors.js";

const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

test("a register keeps all 64 bits, and gives negative integers their sign bits", () => {
  assert.equal(Register.from(-1).toBigInt(), 2n ** 64n - 1n);
  assert.equal(Register.from(-(2 ** 40)).toBigInt(), 2n ** 64n - 2n ** 40n);
  assert.equal(Register.from(2 ** 52 + 1).toBigInt(), 2n ** 52n + 1n);
  fc.assert(
    fc.property(word, (value) => {
      assert.equal(Register.from(value).toBigInt(), value);
      assert.equal(Register.from(BigInt.asIntN(64, value)).toBigInt(), value);
    }),
    { verbose: 1 },
  );
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      assert.equal(Register.from(value).toBigInt(), BigInt.asUintN(64, BigInt(value)));
    }),
    { verbose: 1 },
  );
});

test("a register refuses what is no 64-bit integer", () => {
  for (const value of [0.5, Number.NaN, 2 ** 53, 2n ** 64n, -(2n ** 63n) - 1n]) {
    assert.throws(
      () => Register.from(value),
      (error) => error instanceof PosternError && error.code === "EINVALIDARGUMENT",
    );
  }
});

test("a register fits an int where its upper half is the sign of the lower", () => {
  assert.equal(Register.from(-5).toInt32(), -5);
  assert.equal(Register.from(0x7fff_ffff).toInt32(), 0x7fff_ffff);
  assert.equal(Register.from(0x8000_0000).toInt32(), null);
  assert.equal(Register.from(-0x8000_0001).toInt32(), null);
  assert.equal(Register.from(0xffff_ffff).toUint32(), 0xffff_ffff);
  assert.equal(Register.from(2 ** 32).toUint32(), null);
  assert.equal(Register.from(-1).toUint32(), null);
});

test("a reply overlays number and first two arguments of a request, and no more", () => {
  const block = new Block();
  block.message.writeRequest(request(1, 2, 3, 4, 5, 6, 7, 8));
  block.message.writeReply(new Reply([-1, -2], -3));
  const words = Array.from({ length: 8 }, (_, index) => new DataView(block.bytes.buffer).getBigInt64(index * 8, true));
  assert.deepEqual(words, [-1n, -2n, -3n, 4n, 5n, 6n, 7n, 8n]);
});

test("any request survives the way through a block", () => {
  fc.assert(
    fc.property(word, fc.array(word, { maxLength: 9 }), (num, arg) => {
      const block = new Block();
      const sent = new Request(num, arg);
      block.message.writeRequest(sent);
      assert.deepEqual(block.message.readRequest(), sent);
      assert.deepEqual(block.bytes.slice(0, 64), sent.toBytes());
      assert.equal(sent.arg.length, 7);
    }),
    { verbose: 1 },
  );
});

test("every errno from 1 to 4095 survives as a reply, and only those are errors", () => {
  for (let err = 1; err <= 4095; err++) assert.deepEqual(Reply.fromResult({ err }).toResult(), { err });
  fc.assert(
    fc.property(word, word, (first, second) => {
      const result = new Reply([first, second]).toResult();
      const signed = BigInt.asIntN(64, first);
      if (signed < 0n && signed > -4096n) assert.deepEqual(result, { err: Number(-signed) });
      else assert.deepEqual(result, { ok: [Register.from(first), Register.from(second)] });
    }),
    { verbose: 1 },
  );
});

test("the smallest errno of all wraps as a 32-bit negation does", () => {
  assert.equal(Reply.fromResult({ err: -0x8000_0000 }).ret[0].toBigInt(), 0xffff_ffff_8000_0000n);
  assert.throws(() => Reply.fromResult({ err: 2 ** 31 }), /32-bit/);
});

test("too few bytes are refused", () => {
  assert.throws(() => new Message(new Uint8Array(63)), /64 bytes/);
  assert.throws(() => Reply.fromBytes(new Uint8Array(23)), /24 bytes/);
  assert.throws(() => new Block(new Uint8Array(4096)), /69632/);
  assert.throws(() => new Block(undefined, 4n), /multiple of 8/);
  assert.throws(() => new Block(undefined, 2n ** 64n - 8n), /cannot lie/);
});
