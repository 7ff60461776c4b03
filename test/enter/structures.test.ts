import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  createException,
  EnclaveException,
  EnclaveRun,
  HANDLES_MAX,
  Handles,
  RUN_BYTES,
  type Word,
} from "postern/enter";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("struct sgx_enclave_run", () => {
  test("has its fields where asm/sgx.h has them", () => {
    const handles = new Handles();
    const handler = () => 0;
    handles.bind(0x1111_2222_3333_4444n, handler);
    const run = new EnclaveRun<bigint, bigint>(0x0102_0304_0506_0708n, 0n, 0xdead_beefn);
    run.function = 3;
    run.exceptionVector = 14;
    run.exceptionErrorCode = 0x8007;
    run.exceptionAddress = 0x7f40_0000_5000n;
    run.userHandler = handler;
    run.reserved[215] = 0xff;
    const bytes = run.encode(handles);
    assert.equal(bytes.length, RUN_BYTES);
    assert.equal(
      hex(bytes.subarray(0, 40)),
      "0807060504030201030000000e00078000500000407f00004444333322221111efbeadde00000000",
    );
    assert.equal(bytes[255], 0xff);
  });

  test("user data of any kind travel as a handle and come back as the same value", () => {
    const handles = new Handles();
    for (const data of [{ a: 1 }, "text", Symbol("s"), 1.5, true, () => 1]) {
      const bytes = new EnclaveRun<bigint, unknown>(0n, 0n, data).encode(handles);
      assert.equal(EnclaveRun.decode(bytes, handles).userData, data);
    }
  });

  test("numbers stand for themselves, nothing for 0", () => {
    const handles = new Handles();
    const decoded = (data: unknown) =>
      EnclaveRun.decode(new EnclaveRun(0n, 0n, data).encode(handles), handles).userData;
    assert.deepEqual([5, 7n, -1n, null, undefined].map(decoded), [5n, 7n, 2n ** 64n - 1n, 0n, 0n]);
  });

  test("refuses bytes of another length, and a handler nobody gave a number", () => {
    const handles = new Handles();
    for (const length of [0, 40, 255, 257]) {
      assert.throws(() => EnclaveRun.decode(new Uint8Array(length), handles), { code: "EMALFORMED" });
    }
    const bytes = new Uint8Array(RUN_BYTES).fill(1, 24, 32);
    assert.throws(() => EnclaveRun.decode(bytes, handles), { code: "EINVALIDARGUMENT" });
  });

  test("refuses to write words that are no integers", () => {
    for (const tcs of [1.5, Number.NaN, 2 ** 60]) {
      assert.throws(() => new EnclaveRun<Word, null>(tcs, 0, null).encode(new Handles()), { code: "EINVALIDARGUMENT" });
    }
  });

  test("its reserved bytes cost nothing until somebody looks at them", () => {
    const run = new EnclaveRun(0n, 0n, null);
    assert.equal(run.hasReservedBits(), false);
    assert.equal(run.reserved.length, 216);
    assert.equal(run.hasReservedBits(), false);
    run.reserved[3] = 1;
    assert.equal(run.hasReservedBits(), true);
  });
});

describe("struct sgx_enclave_exception", () => {
  test("has its fields where the posting has them", () => {
    const exception = createException();
    exception.leaf = 3;
    exception.trapnr = 14;
    exception.errorCode = 0x8007;
    exception.address = 0x7f40_0000_5000n;
    exception.reserved.fill(0xaa);
    assert.equal(hex(exception.encode()), `030000000e00078000500000407f0000${"aa".repeat(16)}`);
  });

  test("refuses another length", () => {
    assert.throws(() => EnclaveException.decode(new Uint8Array(31)), { code: "EMALFORMED", offset: 31 });
  });
});

describe("handles", () => {
  test("are the same for the same value, and free again after release", () => {
    const handles = new Handles();
    const value = {};
    const handle = handles.handleOf(value);
    assert.equal(handles.handleOf(value), handle);
    assert.equal(handles.valueOfHandle(handle), value);
    handles.release(handle);
    assert.equal(handles.has(handle), false);
    assert.notEqual(handles.handleOf(value), handle);
  });

  test("0 is nobody's, a number has one value, a table has a limit", () => {
    const handles = new Handles();
    assert.throws(() => handles.bind(0n, {}), { code: "EINVALIDARGUMENT" });
    handles.bind(5n, "first");
    handles.bind(5n, "second");
    assert.equal(handles.valueOfHandle(5n), "second");
    assert.throws(
      () => {
        for (let count = 0; count <= HANDLES_MAX; count++) handles.handleOf({ count });
      },
      { code: "ERESOURCE" },
    );
  });
});
