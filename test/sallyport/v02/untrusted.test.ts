import assert from "node:assert/strict";
import { test } from "node:test";
import { type AddressValidator, FlatMemory, Untrusted } from "postern/sallyport/v02";

const WORD = { size: 8, align: 8 };

function recording(answer: boolean): AddressValidator & { readonly asked: unknown[] } {
  const asked: unknown[] = [];
  return {
    asked,
    readable: (address, size) => asked.push(["readable", address, size]) > 0 && answer,
    writable: (address, size) => asked.push(["writable", address, size]) > 0 && answer,
  };
}

test("the validator hears the access, the address and the bytes of all elements", () => {
  const validator = recording(true);
  assert.equal(new Untrusted(64n, WORD, "readable").validate(validator)?.size, 8n);
  assert.equal(new Untrusted(64n, WORD, "writable").validateSlice(3, validator)?.size, 24n);
  assert.equal(new Untrusted(64n, WORD, "writable").validateSlice(0, validator)?.size, 0n);
  assert.deepEqual(validator.asked, [
    ["readable", 64n, 8n],
    ["writable", 64n, 24n],
    ["writable", 64n, 0n],
  ]);
});

test("null, misaligned, negative and overflowing ranges fail before the validator is asked", () => {
  const validator = recording(true);
  assert.equal(new Untrusted(0n, WORD, "readable").validateSlice(0, validator), null);
  assert.equal(new Untrusted(12n, WORD, "readable").validate(validator), null);
  assert.equal(new Untrusted(64n, WORD, "readable").validateSlice(-1, validator), null);
  assert.equal(new Untrusted(64n, WORD, "readable").validateSlice(0.5, validator), null);
  assert.equal(new Untrusted(64n, WORD, "readable").validateSlice(2n ** 61n + 1n, validator), null);
  assert.equal(new Untrusted(2n ** 64n - 8n, WORD, "readable").validateSlice(2, validator), null);
  assert.deepEqual(validator.asked, []);
});

test("what the validator refuses stays untrusted", () => {
  assert.equal(new Untrusted(64n, WORD, "readable").validate(recording(false)), null);
});

test("flat memory accepts its own bytes and no other", () => {
  const memory = new FlatMemory(new Uint8Array(32), 4096n);
  assert.ok(memory.readable(4096n, 32n) && memory.writable(4128n, 0n));
  assert.ok(!memory.readable(4095n, 1n) && !memory.readable(4128n, 1n) && !memory.writable(4096n, 33n));
  assert.throws(() => memory.read(4090n, new Uint8Array(8)), /not in this memory/);
});
