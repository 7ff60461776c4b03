/** What a keep is granted, as rows of its descriptor table: directories here, streams in stdio.ts, sockets in sockets.ts. */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { PosternError } from "../errors.js";
import { DescriptorTable } from "../host/descriptors.js";
import { SYS, syscall1 } from "../kernel/index.js";
import { Right } from "../sallyport/call.js";
import type { WasiGrant } from "../shim/wasi/index.js";
import type { DirectoryGrant } from "./options.js";
import { fileReason } from "./program.js";

const EVERYTHING = Right.READ | Right.WRITE | Right.CHANGE;

/** Closes a descriptor. Whatever Linux answers, it is gone; and a failure would come in the midst of others. */
export function release(native: number): void {
  syscall1(SYS.close, native);
}

/** A table being filled, and what the program will see of it. */
export class Grants {
  readonly table: DescriptorTable;
  readonly list: WasiGrant[] = [];
  /** Names of all descriptors, for programs that find their sockets by name. */
  readonly names: string[] = [];
  private hasSockets = false;

  constructor(rows: Int32Array) {
    this.table = new DescriptorTable(rows);
  }

  /** Enters a native descriptor. It is closed when there is no room. */
  private add(native: number, rights: number, owned: boolean, name: string): number {
    const number = this.table.add(native, rights, owned);
    if (number < 0) {
      if (owned) release(native);
      throw new PosternError("ERESOURCE", "more is granted than the limit of descriptors allows; raise it");
    }
    this.names.push(name);
    return number;
  }

  /** Grants a standard stream. */
  stream(kind: "input" | "output", native: number, owned: boolean, terminal: boolean, name: string): void {
    const descriptor = this.add(native, kind === "input" ? Right.READ : Right.WRITE, owned, name);
    this.list.push({ descriptor, kind, terminal });
  }

  /** Grants a directory. @throws PosternError ENOTFOUND */
  directory(grant: Required<DirectoryGrant>): void {
    let native: number;
    try {
      native = openSync(grant.host, constants.O_RDONLY | constants.O_DIRECTORY);
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code === "ENOTDIR" ? notDirectory(grant.host) : fileReason(error);
      const missing = (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such directory" : reason;
      throw new PosternError("ENOTFOUND", `cannot grant ${grant.host}: ${missing}`, { cause: error });
    }
    const writable = grant.access === "read-write";
    const rights = Right.LOOKUP | Right.READ | (writable ? EVERYTHING : 0);
    const descriptor = this.add(native, rights, true, grant.guest);
    const name = new TextEncoder().encode(grant.guest);
    this.list.push({ descriptor, kind: "directory", name, readOnly: !writable });
  }

  /** Grants a socket. */
  socket(native: number, name: string, kind: "stream" | "listener"): void {
    this.hasSockets = true;
    const descriptor = this.add(native, Right.READ | Right.WRITE, true, name);
    this.list.push({ descriptor, kind });
  }

  /** Variables that tell a program about its sockets; none where it has none. */
  environment(): Uint8Array[] {
    if (!this.hasSockets) return [];
    const names = this.names.map((name) => name.replaceAll(":", "_"));
    const fromThree = names.slice(3);
    const variables = {
      FD_COUNT: names.length,
      FD_NAMES: names.join(":"),
      LISTEN_FDS: fromThree.length,
      LISTEN_FDNAMES: fromThree.join(":"),
    };
    return Object.entries(variables).map(([name, value]) => new TextEncoder().encode(`${name}=${value}`));
  }

  /** Closes everything that was opened. */
  close(): void {
    this.table.clear(release);
  }
}

/** What is at a path where a directory was wanted. */
function notDirectory(path: string): string {
  try {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const isFile = fstatSync(descriptor).isFile();
    closeSync(descriptor);
    return isFile ? "it is a file; grant the directory it is in" : "it is not a directory";
  } catch {
    return "it, or a part of the path, is not a directory";
  }
}
