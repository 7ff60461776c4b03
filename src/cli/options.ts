/**
 * The values of options: each function takes what the user wrote and gives what it means, or throws a PosternError with
 * code EINVALIDARGUMENT that says what was given, what is expected, and an example. Sizes and durations are in
 * `../units.ts`, which configuration files and the library share.
 */
import { createRequire } from "node:module";
import { PosternError } from "../errors.js";

export { parseDuration, parseSize } from "../units.js";

/** Permission on a directory. */
export type Access = "read" | "read-write";

/** A directory of the host that the program may use. */
export interface DirectoryGrant {
  /** Path on the host, as given. */
  readonly host: string;
  /** Path the program sees. */
  readonly guest: string;
  readonly access: Access;
}

/** Where a variable of the program comes from. */
export type EnvironmentSource =
  | { readonly kind: "value"; readonly name: string; readonly value: string }
  | { readonly kind: "inherit"; readonly name: string }
  | { readonly kind: "file"; readonly path: string };

/** A socket that is open when the program starts. */
export interface SocketGrant {
  readonly name: string;
  readonly protocol: "tcp";
  /** IP address without brackets, or a host name. */
  readonly host: string;
  readonly port: number;
}

const ENVIRONMENT_FILE_BYTES_MAX = 2 ** 20;
const SOCKET_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?$/;
const PORT_MAX = 65535;

/** Which version of IP an address is of, 0 for none. Node's network code is loaded only for those who give addresses. */
function isIP(address: string): number {
  const net: typeof import("node:net") = createRequire(import.meta.url)("node:net");
  return net.isIP(address);
}

function invalid(given: string, expected: string, example: string): PosternError {
  return new PosternError("EINVALIDARGUMENT", `"${given}" was given; expected ${expected}, for example ${example}`);
}

/**
 * Reads `HOST` or `HOST::GUEST`. Without a guest path the program sees the directory under the name it has on the host, as
 * wasmtime does it.
 */
export function parseDirectory(text: string, access: Access): DirectoryGrant {
  const parts = text.split("::");
  const [host, guest = host] = parts as [string, string?];
  if (parts.length > 2 || host === "" || guest === "" || text.includes("\0")) {
    throw invalid(text, "HOST or HOST::GUEST, two paths", "./data::/data");
  }
  return { host, guest: guest!, access };
}

/** Reads `NAME=VALUE`, or `NAME` for a variable to take from the environment. The value may be empty and contain `=`. */
export function parseEnvironment(text: string): EnvironmentSource {
  const equals = text.indexOf("=");
  const name = equals === -1 ? text : text.slice(0, equals);
  if (name === "" || text.includes("\0")) {
    throw invalid(text, "NAME=VALUE, or NAME to take it from the environment", "LANG=C.UTF-8");
  }
  return equals === -1 ? { kind: "inherit", name } : { kind: "value", name, value: text.slice(equals + 1) };
}

/**
 * Reads the text of an environment file: a `NAME=VALUE` on each line. Empty lines and lines that start with `#` are passed
 * over; quotes, backslashes and spaces around the value are part of it, as docker reads such files; `NAME` alone takes the
 * variable from the environment.
 *
 * @param path for messages
 */
export function parseEnvironmentFile(text: string, path: string): EnvironmentSource[] {
  if (text.length > ENVIRONMENT_FILE_BYTES_MAX) {
    throw new PosternError("EINVALIDARGUMENT", `${path} is larger than 1 MiB, too large for an environment file`);
  }
  const sources: EnvironmentSource[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const content = line.endsWith("\r") ? line.slice(0, -1) : line;
    if (content.trim() === "" || content.trimStart().startsWith("#")) continue;
    try {
      sources.push(parseEnvironment(content.trimStart()));
    } catch (cause) {
      const place = `${path}, line ${index + 1}`;
      throw new PosternError("EINVALIDARGUMENT", `${place}: ${(cause as Error).message}`, { cause });
    }
  }
  return sources;
}

/**
 * Puts the variables together. A later source wins over an earlier one of the same name; the order is that of the first
 * mention. A variable to inherit that is not set stays unset.
 *
 * @param environment where inherited variables come from
 * @param readText reads an environment file, and throws what the user should see
 */
export function resolveEnvironment(
  sources: readonly EnvironmentSource[],
  environment: Readonly<Record<string, string | undefined>>,
  readText: (path: string) => string,
): [name: string, value: string][] {
  const variables = new Map<string, string>();
  const add = (source: EnvironmentSource): void => {
    if (source.kind === "file") {
      for (const entry of parseEnvironmentFile(readText(source.path), source.path)) add(entry);
      return;
    }
    const value = source.kind === "value" ? source.value : environment[source.name];
    if (value === undefined) variables.delete(source.name);
    else variables.set(source.name, value);
  };
  for (const source of sources) add(source);
  return [...variables];
}

/**
 * Reads `NAME=tcp:HOST:PORT`; an IPv6 address stands in brackets.
 *
 * @param use `listen` wants an IP address or localhost, and takes port 0 for any free port; `connect` also takes host names
 */
export function parseSocket(text: string, use: "listen" | "connect"): SocketGrant {
  const host = use === "listen" ? "ADDR" : "HOST";
  const example = use === "listen" ? "web=tcp:127.0.0.1:8080" : "api=tcp:example.com:443";
  const match = /^([^=]*)=([^:]*):(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(text);
  if (match === null) throw invalid(text, `NAME=tcp:${host}:PORT`, example);
  const [, name, protocol, bracketed, plain, portText] = match as unknown as string[];
  if (!SOCKET_NAME.test(name!)) {
    throw invalid(text, "a name of up to 64 letters, digits, dots, dashes and underscores before the =", example);
  }
  if (protocol !== "tcp") throw invalid(text, "the protocol tcp", example);
  return {
    name: name!,
    protocol,
    host: parseHost(text, bracketed, plain, use, example),
    port: parsePort(text, portText!, use, example),
  };
}

function parseHost(
  text: string,
  bracketed: string | undefined,
  plain: string | undefined,
  use: string,
  example: string,
) {
  if (bracketed !== undefined) {
    if (isIP(bracketed) === 6) return bracketed;
    throw invalid(text, "an IPv6 address in brackets", example.replace(/tcp:.*:/, "tcp:[::1]:"));
  }
  const host = plain!;
  if (isIP(host) === 4 || host === "localhost") return host;
  if (use === "listen") throw invalid(text, "an IP address or localhost to listen on", example);
  if (HOST_NAME.test(host) && !/^[\d.]+$/.test(host)) return host;
  throw invalid(text, "a host name or an IP address to connect to", example);
}

function parsePort(text: string, portText: string, use: string, example: string): number {
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  const least = use === "listen" ? 0 : 1;
  if (port >= least && port <= PORT_MAX) return port;
  throw invalid(text, `a port from ${least} to ${PORT_MAX}`, example);
}

/** Reads a whole number within bounds. */
export function parseCount(text: string, least: number, most: number): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (count >= least && count <= most) return count;
  throw invalid(text, `a whole number from ${least} to ${most}`, String(Math.min(most, Math.max(least, 64))));
}
