// The compiled code of a bundle is kept, and never believed when it is damaged.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import compiled from "#src/compiled.cjs";

const SOURCE =
  "(function (require, path) { globalThis.made = (function answer() { return require('node:path').basename(path); })(); })";

function bundleIn(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "postern-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const bundle = join(folder, "bundle.cjs");
  writeFileSync(bundle, SOURCE);
  const load = () => {
    const stores: (() => void)[] = [];
    compiled.loadBundle(bundle, (store) => stores.push(store));
    assert.equal((globalThis as { made?: string }).made, "bundle.cjs");
    delete (globalThis as { made?: string }).made;
    return stores;
  };
  const kept = () => readdirSync(folder).filter((name) => name !== "bundle.cjs");
  return { folder, bundle, load, kept };
}

test("compiled code is kept once and used from then on", (t) => {
  const { load, kept } = bundleIn(t);
  const stores = load();
  assert.equal(stores.length, 1);
  assert.deepEqual(kept(), []);
  stores[0]!();
  assert.equal(kept().length, 1);
  assert.match(kept()[0]!, /^bundle\.cjs\..*\.cache$/);
  assert.equal(load().length, 0);
});

test("damaged code is made anew: changed, cut, empty", (t) => {
  const { folder, load, kept } = bundleIn(t);
  load()[0]!();
  const place = join(folder, kept()[0]!);
  const good = readFileSync(place);
  const changed = Buffer.from(good);
  for (let at = 64; at < changed.length; at += 3) changed[at]! ^= 0xff;
  for (const bad of [changed, good.subarray(0, good.length >> 1), Buffer.alloc(0), Buffer.alloc(20)]) {
    writeFileSync(place, bad);
    const stores = load();
    assert.equal(stores.length, 1);
    stores[0]!();
    assert.equal(load().length, 0);
  }
});

test("a changed bundle has a place of its own", (t) => {
  const { bundle, load, kept } = bundleIn(t);
  load()[0]!();
  writeFileSync(bundle, `${SOURCE}\n`);
  load()[0]!();
  assert.equal(kept().length, 2);
});

test("where nothing can be written, nothing is kept, and nobody hears of it", (t) => {
  const { folder, bundle, load } = bundleIn(t);
  const [store] = load();
  rmSync(folder, { recursive: true });
  store!();
  assert.equal(existsSync(bundle), false);
  mkdirSync(folder);
});

test("a draft that cannot take the place is removed", (t) => {
  const { folder, load, kept } = bundleIn(t);
  const [store] = load();
  store!();
  const place = join(folder, kept()[0]!);
  rmSync(place);
  mkdirSync(join(place, "full"), { recursive: true });
  store!();
  assert.deepEqual(
    kept().map((name) => join(folder, name)),
    [place],
  );
  assert.equal(load().length, 1);
});
