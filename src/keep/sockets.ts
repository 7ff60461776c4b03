/** Makes the sockets a keep is granted. Loaded only for keeps that have some: Node's name look-up takes time to load. */
import { lookup } from "node:dns/promises";
import { isIP, isIPv6 } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { PosternError } from "../errors.js";
import { addressOf, errnoName, errnoText, LINUX, SYS, syscall3, syscall5 } from "../kernel/index.js";
import {
  AF_INET,
  AF_INET6,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../sallyport/linux.js";
import { type Grants, release } from "./grants.js";
import type { SocketGrant } from "./options.js";

const BACKLOG = 128;
const CONNECT_MS_MAX = 30_000;
const IPV4_BYTES = 16;
const IPV6_BYTES = 28;

/** Grants a socket that listens. @throws PosternError ESYSTEM, EINVALIDARGUMENT */
export async function grantListening(grants: Grants, grant: SocketGrant): Promise<void> {
  const address = await socketAddress(grant);
  const native = newSocket(address, 0);
  try {
    const one = Int32Array.of(1);
    syscall5(SYS.setsockopt, native, SOL_SOCKET, SO_REUSEADDR, addressOf(one), 4);
    checked(grant, "listen on", syscall3(SYS.bind, native, addressOf(address), address.length));
    checked(grant, "listen on", syscall3(SYS.listen, native, BACKLOG, 0));
  } catch (error) {
    release(native);
    throw error;
  }
  grants.socket(native, grant.name, "listener");
}

/** Grants a socket that is connected. @throws PosternError ESYSTEM, EINVALIDARGUMENT */
export async function grantConnected(grants: Grants, grant: SocketGrant): Promise<void> {
  const address = await socketAddress(grant);
  const native = newSocket(address, SOCK_NONBLOCK);
  try {
    await connectQuietly(grant, native, address);
    checked(grant, "connect to", syscall3(SYS.fcntl, native, LINUX.F_SETFL, 0));
  } catch (error) {
    release(native);
    throw error;
  }
  grants.socket(native, grant.name, "stream");
}

function checked(grant: SocketGrant, what: string, result: number): number {
  if (result >= 0) return result;
  const reason = `${errnoText(-result)} (${errnoName(-result)})`;
  throw new PosternError("ESYSTEM", `cannot ${what} ${grant.host} port ${grant.port} for ${grant.name}: ${reason}`, {
    errno: -result,
  });
}

/** sockaddr_in or sockaddr_in6 of a grant; a host name is looked up. */
async function socketAddress(grant: SocketGrant): Promise<Uint8Array> {
  const { host, port } = grant;
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new PosternError("EINVALIDARGUMENT", `the port of ${grant.name} is ${port}; it can be 0 to 65535`);
  }
  let address = host;
  if (isIP(host) === 0) {
    try {
      ({ address } = await lookup(host));
    } catch (error) {
      throw new PosternError("ESYSTEM", `cannot find the address of ${host} for ${grant.name}`, { cause: error });
    }
  }
  const bytes = new Uint8Array(isIPv6(address) ? IPV6_BYTES : IPV4_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isIPv6(address) ? AF_INET6 : AF_INET, true);
  view.setUint16(2, port);
  if (isIPv6(address)) bytes.set(ipv6Bytes(address), 8);
  else bytes.set(address.split(".").map(Number), 4);
  return bytes;
}

/** The sixteen bytes of an IPv6 address in text. */
function ipv6Bytes(text: string): Uint8Array {
  // The URL parser writes every address in one form: groups of hexadecimal, at most one `::`.
  const plain = new URL(`http://[${text.split("%")[0]}]/`).hostname.slice(1, -1);
  const [head = "", tail] = plain.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  const all = [...first, ...new Array(8 - first.length - last.length).fill(0), ...last];
  return Uint8Array.from(all.flatMap((group: number) => [group >> 8, group & 255]));
}

function newSocket(address: Uint8Array, flags: number): number {
  const family = address.length === IPV6_BYTES ? AF_INET6 : AF_INET;
  const native = syscall3(SYS.socket, family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (native >= 0) return native;
  throw new PosternError("ESYSTEM", `cannot make a socket: ${errnoText(-native)} (${errnoName(-native)})`, {
    errno: -native,
  });
}

/** Connects without blocking the thread. */
async function connectQuietly(grant: SocketGrant, native: number, address: Uint8Array): Promise<void> {
  const deadline = Date.now() + CONNECT_MS_MAX;
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    // Asking again tells how it went: EISCONN when it is there, EALREADY while it is under way.
    const result = syscall3(SYS.connect, native, addressOf(address), address.length);
    const name = result < 0 ? errnoName(-result) : "EISCONN";
    if (name === "EISCONN") return;
    const underWay = name === "EINPROGRESS" || name === "EALREADY" || name === "EINTR";
    if (!underWay || Date.now() > deadline) checked(grant, "connect to", result);
    await sleep(pause);
  }
}
