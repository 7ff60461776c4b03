/**
 * Path resolution, by the kernel and never by string checks: openat2 with RESOLVE_BENEATH, so that neither `..` nor a
 * link nor a race leads out of the directory a descriptor stands for.
 *
 * Calls without such flags act on a parent opened that way and the last component alone.
 */
import { openFlagsFromWire, STRUCTS, SYS, syscall4, syscall4Then } from "../kernel/index.js";
import { Right } from "../sallyport/call.js";
import {
  Errno,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
} from "../sallyport/linux.js";
import { Held, type HostCore, Scratch } from "./core.js";
import type { Request } from "./request.js";

const SLASH = 47;
const DOT = 46;
/** openat2 answers EAGAIN when a rename or mount races with it; so often is it tried again. */
const RACE_RETRIES = 4;
const HOW_BYTES = 24;
const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
/** Where st_mode stands, as an index of the private memory's halves. */
export const MODE = (Scratch.STRUCTURE + STRUCTS.stat.fields.st_mode.offset) / 4;

/**
 * openat2 beneath a directory.
 * @param directory native descriptor
 * @param path offset of a path in private memory, ended by a zero byte
 * @param flags open flags as on the wire; O_CLOEXEC is added
 * @param place where the descriptor is held: see {@link Held}
 * @param mode permission bits of a file that is created
 * @param looks whether to ask what was opened: its struct stat is then in private memory, for {@link modeOpened}
 * @returns native descriptor, or -errno; leaving the directory is -EPERM
 */
export function openBeneath(
  core: HostCore,
  directory: number,
  path: number,
  flags: number,
  place: number,
  mode = 0,
  looks = false,
): number {
  const how = core.scratchHalves;
  const at = Scratch.SMALL / 4;
  how[at] = openFlagsFromWire(flags | O_CLOEXEC);
  how[at + 1] = 0;
  how[at + 2] = mode;
  how[at + 3] = 0;
  how[at + 4] = BENEATH;
  how[at + 5] = 0;
  const { scratchAddress } = core;
  const small = scratchAddress + Scratch.SMALL;
  for (let tries = 0; ; ) {
    let result: number;
    if (looks) {
      how[MODE] = 0;
      const status = scratchAddress + Scratch.STRUCTURE;
      result = syscall4Then(SYS.openat2, directory, scratchAddress + path, small, HOW_BYTES, SYS.fstat, status);
    } else result = syscall4(SYS.openat2, directory, scratchAddress + path, small, HOW_BYTES);
    if (result >= 0) {
      core.held[place] = result;
      return result;
    }
    if (result === -Errno.EINTR && !core.stopping()) continue;
    if (result === -Errno.EAGAIN && ++tries <= RACE_RETRIES) continue;
    return result === -Errno.EXDEV ? -Errno.EPERM : result;
  }
}

/** Type and permission of what was opened and looked at last, 0 when they could not be told. */
export function modeOpened(core: HostCore): number {
  return core.scratchHalves[MODE]!;
}

/** What the last component of a path is. */
export const Last = { NAME: 0, DOT: 1, DOT_DOT: 2 } as const;

/** A path split into an opened parent and its last component, in private memory. */
export class Parent {
  /** Native descriptor of the directory that holds the last component. */
  descriptor = -1;
  /** Address of the last component, with one slash behind it if the path ended so; ended by a zero byte. */
  name = 0;
  /** The path ended with a slash. */
  slash = false;
  /** See {@link Last}. */
  last: number = Last.NAME;
  private opened = false;
  /** Where the parent's descriptor is held. */
  private readonly place: number;

  constructor(place: number) {
    this.place = place;
  }

  /**
   * Splits the path at `path` in private memory and opens its parent.
   * @param directory native descriptor the path starts at
   * @param path offset in private memory
   * @param length bytes of the path
   * @returns 0, or -errno; after 0 call {@link close}
   */
  open(core: HostCore, directory: number, path: number, length: number): number {
    this.opened = false;
    this.last = Last.NAME;
    if (length === 0) return -Errno.ENOENT;
    const bytes = core.scratch;
    let end = path + length;
    while (end > path && bytes[end - 1] === SLASH) end--;
    this.slash = end < path + length;
    let start = end;
    while (start > path && bytes[start - 1] !== SLASH) start--;
    const size = end - start;
    if (size === 0) this.last = Last.DOT;
    else if (size === 1 && bytes[start] === DOT) this.last = Last.DOT;
    else if (size === 2 && bytes[start] === DOT && bytes[start + 1] === DOT) this.last = Last.DOT_DOT;
    if (this.last !== Last.NAME) return this.probe(core, directory, path);
    return this.openParent(core, directory, path, start, end);
  }

  /** Opens what `.` or `..` or only slashes name, for the error of a path that leads nowhere or out. */
  private probe(core: HostCore, directory: number, path: number): number {
    const native = openBeneath(core, directory, path, O_PATH | O_DIRECTORY, this.place);
    if (native < 0) return native;
    core.release(this.place);
    return 0;
  }

  private openParent(core: HostCore, directory: number, path: number, start: number, end: number): number {
    const bytes = core.scratch;
    this.descriptor = directory;
    if (start > path) {
      // The last component moves one byte to make room for the zero that ends the parent.
      bytes.copyWithin(start + 1, start, end);
      bytes[start] = 0;
      const native = openBeneath(core, directory, path, O_PATH | O_DIRECTORY, this.place);
      if (native < 0) return native;
      this.descriptor = native;
      this.opened = true;
      start++;
      end++;
    }
    if (this.slash) bytes[end++] = SLASH;
    bytes[end] = 0;
    this.name = core.scratchAddress + start;
    return 0;
  }

  /** Closes the parent if it was opened for this path. */
  close(core: HostCore): void {
    if (this.opened) core.release(this.place);
    this.opened = false;
  }
}

/** Whether a path in private memory is one component that is neither `.` nor `..`. */
export function isSingleName(core: HostCore, path: number, length: number): boolean {
  const bytes = core.scratch;
  if (length === 0 || length > 255) return false;
  for (let i = path; i < path + length; i++) if (bytes[i] === SLASH) return false;
  return !(bytes[path] === DOT && (length === 1 || (length === 2 && bytes[path + 1] === DOT)));
}

/** Opens what a path names without using it: O_PATH, the link itself unless `follow`; held as PATH. @returns native or -errno */
export function openPath(core: HostCore, directory: number, path: number, follow: boolean): number {
  return openBeneath(core, directory, path, follow ? O_PATH : O_PATH | O_NOFOLLOW, Held.PATH);
}

/** Native descriptor of a directory argument with the right to look up and whatever else is needed, or -errno. */
export function directoryOf(core: HostCore, request: Request, slot: number, right: number = Right.LOOKUP): number {
  return core.granted(request, slot, right | Right.LOOKUP);
}
