// A program that keeps its state between calls: a reactor, in a keep that lives as long as the application wants.
//
//   node examples/reactor/main.mjs
import { fileURLToPath } from "node:url";
import { Keep } from "postern";

const keep = await Keep.launch({ program: fileURLToPath(new URL("tally.wasm", import.meta.url)), stdio: "ignore" });
console.log(keep.exports);
console.log(await keep.call("add", 40n));
console.log(await keep.call("add", 2n));

// A call that does not end is ended with its keep, and the caller hears of it.
setTimeout(() => keep.stop(), 100);
await keep.call("spin").catch((error) => console.log(error.code));
console.log(await keep.exit);
