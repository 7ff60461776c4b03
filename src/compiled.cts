/**
 * Loads a bundle together with the code that the engine compiled for it in an earlier process (docs/rationale.md). That
 * code lies beside the bundle, where only those can put it who could change the bundle itself. What was damaged, or made by
 * another version of the engine, is not used and made anew.
 */
import fs = require("node:fs");
import path = require("node:path");
import vm = require("node:vm");

/** Keeps what was compiled for the next process. */
type Store = () => void;

/** In front of the code: its length and a sum. The engine itself ends the process at damaged code. */
const HEADER_BYTES = 8;
/** One word of this many is summed: enough for what a crash of the machine leaves, at a fortieth of a digest's time. */
const STRIDE_WORDS = 16;

function sumOf(code: Buffer): number {
  const words = new Int32Array(code.buffer, code.byteOffset, code.length >>> 2);
  let sum = 1;
  for (let i = 0; i < words.length; i += STRIDE_WORDS) sum = (Math.imul(sum, 31) + words[i]!) | 0;
  return sum;
}

/** Where compiled code of a bundle lies; another version of the bundle or of Node has another place. */
function placeOf(bundle: string): string {
  const { size, mtimeMs } = fs.statSync(bundle);
  return `${bundle}.${process.version}-${process.arch}-${size}-${Math.trunc(mtimeMs)}.cache`;
}

function read(place: string): Buffer | undefined {
  try {
    const bytes = fs.readFileSync(place);
    const code = bytes.subarray(HEADER_BYTES);
    return bytes.readInt32LE(0) === code.length && bytes.readInt32LE(4) === sumOf(code) ? code : undefined;
  } catch {
    return undefined;
  }
}

/** Writes beside the place first, so that nobody reads a half of it. Not everybody may write there, and nobody needs to. */
function write(place: string, code: Buffer): void {
  const draft = `${place}.${process.pid}`;
  const bytes = Buffer.concat([Buffer.alloc(HEADER_BYTES), code]);
  bytes.writeInt32LE(code.length, 0);
  bytes.writeInt32LE(sumOf(bytes.subarray(HEADER_BYTES)), 4);
  try {
    fs.writeFileSync(draft, bytes, { flag: "wx" });
    fs.renameSync(draft, place);
  } catch {
    fs.rmSync(draft, { force: true });
  }
}

/**
 * Runs a bundle.
 * @param bundle path of a file in ASCII: a function that takes `require` and the path, in parentheses
 * @param later called where nothing of use was kept, with what keeps it: to be called when the bundle has done some work,
 *   since functions are compiled when they are called first
 */
function loadBundle(bundle: string, later: (store: Store) => void): void {
  const place = placeOf(bundle);
  const cachedData = read(place);
  const source = fs.readFileSync(bundle, "latin1");
  const script = new vm.Script(source, { filename: bundle, ...(cachedData === undefined ? {} : { cachedData }) });
  if (script.cachedDataRejected !== false) later(() => write(place, script.createCachedData()));
  script.runInThisContext()(require, bundle);
}

/** Path of a bundle of this package. */
function bundleNamed(name: string): string {
  return path.join(__dirname, "bundle", name);
}

export = { loadBundle, bundleNamed };
