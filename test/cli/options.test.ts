import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  parseCount,
  parseDirectory,
  parseDuration,
  parseEnvironment,
  parseEnvironmentFile,
  parseSize,
  parseSocket,
  resolveEnvironment,
} from "#src/cli/options.js";
import { PosternError } from "#src/errors.js";

/** Asserts that a text is refused with a message that repeats it and gives an example. */
function refused(parse: () => unknown, given: string, expected: RegExp): void {
  assert.throws(parse, (error) => {
    assert.ok(error instanceof PosternError);
    assert.equal(error.code, "EINVALIDARGUMENT");
    assert.ok(error.message.includes(`"${given}" was given; expected `), error.message);
    assert.match(error.message, expected);
    return true;
  });
}

test("sizes: bytes, powers of 1024 by letter or iB, powers of 1000 by B", () => {
  const sizes: [string, number][] = [
    ["0", 0],
    ["4096", 4096],
    ["64k", 65536],
    ["64K", 65536],
    ["64KiB", 65536],
    ["64kB", 64000],
    ["256MiB", 2 ** 28],
    ["256 MiB", 2 ** 28],
    ["1.5G", 1.5 * 2 ** 30],
    ["2TB", 2e12],
    ["10b", 10],
  ];
  for (const [text, bytes] of sizes) assert.equal(parseSize(text), bytes, text);
  const wrong = ["", "MiB", "-1", "1e3", "0x10", "64q", "1.5", "0.3k", "99999999999T", "1 2", " 1", "1k\n"];
  for (const text of wrong) refused(() => parseSize(text), text, /a size such as 256MiB, 64k or a number of bytes/);
});

test("durations: a number and a unit, above zero, below 25 days", () => {
  const durations: [string, number][] = [
    ["5s", 5000],
    ["250ms", 250],
    ["2m", 120_000],
    ["1.5h", 5_400_000],
    ["1d", 86_400_000],
    ["0.5ms", 1],
    ["24d", 24 * 86_400_000],
  ];
  for (const [text, milliseconds] of durations) assert.equal(parseDuration(text), milliseconds, text);
  for (const text of ["", "5", "s", "5 sec", "5S", "-5s", "1h30m", "infinity"]) {
    refused(() => parseDuration(text), text, /with its unit, such as 5s, 250ms, 2m or 1h/);
  }
  refused(() => parseDuration("0s"), "0s", /longer than zero/);
  refused(() => parseDuration("25d"), "25d", /at most 24 days/);
});

test("directories: HOST, or HOST::GUEST; single colons belong to the path", () => {
  assert.deepEqual(parseDirectory("data", "read"), { host: "data", guest: "data", access: "read" });
  assert.deepEqual(parseDirectory("/srv/x::/data", "read-write"), {
    host: "/srv/x",
    guest: "/data",
    access: "read-write",
  });
  assert.deepEqual(parseDirectory("a:b::c:d", "read"), { host: "a:b", guest: "c:d", access: "read" });
  for (const text of ["", "::", "a::", "::b", "a::b::c"]) {
    refused(() => parseDirectory(text, "read"), text, /HOST or HOST::GUEST.*\.\/data::\/data/);
  }
});

test("variables: NAME=VALUE, NAME=, NAME", () => {
  assert.deepEqual(parseEnvironment("A=1=2"), { kind: "value", name: "A", value: "1=2" });
  assert.deepEqual(parseEnvironment("A="), { kind: "value", name: "A", value: "" });
  assert.deepEqual(parseEnvironment("A"), { kind: "inherit", name: "A" });
  for (const text of ["", "=", "=x", "A=\0"]) refused(() => parseEnvironment(text), text, /NAME=VALUE.*LANG=C\.UTF-8/);
});

test("environment files: comments, empty lines and line ends; mistakes name their line", () => {
  const text = "# a comment\n\nA=1\r\n  B=two words \n\t# another\nC='quoted'\nHOME\n";
  assert.deepEqual(parseEnvironmentFile(text, "vars"), [
    { kind: "value", name: "A", value: "1" },
    { kind: "value", name: "B", value: "two words " },
    { kind: "value", name: "C", value: "'quoted'" },
    { kind: "inherit", name: "HOME" },
  ]);
  assert.throws(() => parseEnvironmentFile("A=1\n\n=x\n", "vars"), { message: /^vars, line 3: "=x" was given/ });
  assert.throws(() => parseEnvironmentFile("A=1\n".repeat(300_000), "vars"), { message: /^vars is larger than 1 MiB/ });
});

test("the environment is put together in order, later ones win, unset ones stay unset", () => {
  const sources = [
    parseEnvironment("A=1"),
    parseEnvironment("HOME"),
    { kind: "file", path: "vars" } as const,
    parseEnvironment("A=3"),
    parseEnvironment("GONE"),
    parseEnvironment("B"),
  ];
  const read = (path: string) => (path === "vars" ? "A=2\nB=file\nPATH\n" : assert.fail(path));
  assert.deepEqual(resolveEnvironment(sources, { HOME: "/root", PATH: "/bin" }, read), [
    ["A", "3"],
    ["HOME", "/root"],
    ["PATH", "/bin"],
  ]);
});

test("sockets: NAME=tcp:HOST:PORT with addresses of both kinds", () => {
  const grant = (name: string, host: string, port: number) => ({ name, protocol: "tcp", host, port });
  assert.deepEqual(parseSocket("web=tcp:127.0.0.1:8080", "listen"), grant("web", "127.0.0.1", 8080));
  assert.deepEqual(parseSocket("web=tcp:[::1]:0", "listen"), grant("web", "::1", 0));
  assert.deepEqual(parseSocket("web=tcp:localhost:80", "listen"), grant("web", "localhost", 80));
  assert.deepEqual(parseSocket("a.b-c=tcp:example.com:443", "connect"), grant("a.b-c", "example.com", 443));
  const wrong: [string, "listen" | "connect", RegExp][] = [
    ["web", "listen", /NAME=tcp:ADDR:PORT/],
    ["web=tcp:127.0.0.1", "listen", /NAME=tcp:ADDR:PORT/],
    ["web=tcp:::1:80", "listen", /NAME=tcp:ADDR:PORT/],
    ["=tcp:127.0.0.1:80", "listen", /a name of up to 64/],
    ["a b=tcp:127.0.0.1:80", "listen", /a name of up to 64/],
    ["web=udp:127.0.0.1:80", "listen", /the protocol tcp/],
    ["web=tcp:example.com:80", "listen", /an IP address or localhost/],
    ["web=tcp:[127.0.0.1]:80", "listen", /IPv6 address in brackets, for example web=tcp:\[::1\]:8080/],
    ["web=tcp:127.0.0.1:65536", "listen", /a port from 0 to 65535/],
    ["web=tcp:127.0.0.1:http", "listen", /a port from 0/],
    ["api=tcp:example.com:0", "connect", /a port from 1 to 65535/],
    ["api=tcp::443", "connect", /a host name or an IP address/],
    ["api=tcp:256.1.1.1:443", "connect", /a host name or an IP address/],
    ["api=tcp:exa mple:443", "connect", /a host name or an IP address/],
  ];
  for (const [text, use, expected] of wrong) refused(() => parseSocket(text, use), text, expected);
});

test("counts are whole numbers within bounds", () => {
  assert.equal(parseCount("3", 3, 10), 3);
  assert.equal(parseCount("10", 3, 10), 10);
  for (const text of ["2", "11", "", "1.5", "-4", "4 ", "0x4"]) {
    refused(() => parseCount(text, 3, 10), text, /a whole number from 3 to 10/);
  }
});

test("any text is read or refused with EINVALIDARGUMENT", () => {
  const parsers: ((text: string) => unknown)[] = [
    parseSize,
    parseDuration,
    parseEnvironment,
    (text) => parseDirectory(text, "read"),
    (text) => parseSocket(text, "listen"),
    (text) => parseSocket(text, "connect"),
    (text) => parseCount(text, 0, 9),
    (text) => parseEnvironmentFile(text, "vars"),
  ];
  const pieces = fc.constantFrom("=", ":", "::", "tcp", "[", "]", "1", "9", ".", "k", "ms", "\n", "#", "\0", "a", " ");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces).map((list) => list.join("")),
      ),
      (text) => {
        for (const parse of parsers) {
          try {
            parse(text);
          } catch (error) {
            if (!(error instanceof PosternError) || error.code !== "EINVALIDARGUMENT") throw error;
          }
        }
      },
    ),
    { numRuns: 2000 },
  );
});
