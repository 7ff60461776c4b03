/** Which shim and which host understand each other: the version, and the rule that compares two of them. */

/** Version of the protocol this host speaks. */
export const VERSION = "0.7.1";
/** What a shim of the same version carries in its ELF note: a semver caret requirement. */
export const REQUIRES = `^${VERSION}`;

/** Version as peers of this implementation give it: the same protocol, with a mark that semver and the original ignore. */
export const OWN_VERSION = `${VERSION}+postern`;

/**
 * Whether a version or a requirement is that of a peer of this implementation. With one, both sides do better than the
 * original where that has a defect; with any other, they behave as the original does, to the byte (docs/sallyport.md).
 */
export function isOwnPeer(version: string): boolean {
  return /\+(?:[0-9A-Za-z.-]*\.)?postern(?:\.|$)/.test(version);
}

/** I/O port a KVM shim writes the 16-bit index of its block to when it hands the block over. */
export const KVM_SYSCALL_TRIGGER_PORT = 0xff;
/** I/O port a KVM shim writes a 16-bit status to when a thread ends. No block is involved: the write does not return. */
export const KVM_SYSCALL_TRIGGER_EXIT_THREAD = 0xfe;
/** Bytes of the largest UDP datagram: 65535 minus an IP header (20) and a UDP header (8). */
export const MAX_UDP_PACKET_SIZE = 65_507;

/** Numbers of a version. `parts` has one to three of major, minor, patch; `pre` the identifiers of a pre-release. */
interface Version {
  readonly parts: readonly number[];
  readonly pre: readonly string[];
}

const NUMBER = "0|[1-9][0-9]{0,14}";
const IDENTIFIERS = "[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*";
const TAIL = `(?:-(${IDENTIFIERS}))?(?:\\+${IDENTIFIERS})?$`;
const FULL = new RegExp(`^(${NUMBER})\\.(${NUMBER})\\.(${NUMBER})${TAIL}`);
const PARTIAL = new RegExp(`^\\^?\\s*(${NUMBER})(?:\\.(${NUMBER})(?:\\.(${NUMBER})${TAIL.slice(0, -1)})?)?$`);
const TEXT_MAX = 256;

function parse(text: string, pattern: RegExp): Version | null {
  const match = text.length <= TEXT_MAX ? pattern.exec(text) : null;
  if (match === null) return null;
  const parts = match.slice(1, 4).filter((part) => part !== undefined);
  return { parts: parts.map(Number), pre: match[4]?.split(".") ?? [] };
}

/** Order of two pre-releases (semver.org, point 11): none is the highest, numbers are below words. */
function comparePre(left: readonly string[], right: readonly string[]): number {
  if (left.length === 0 || right.length === 0) return right.length - left.length;
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const [a, b] = [left[index]!, right[index]!];
    if (a === b) continue;
    const [numberA, numberB] = [/^[0-9]+$/.test(a), /^[0-9]+$/.test(b)];
    if (numberA !== numberB) return numberA ? -1 : 1;
    if (numberA && a.length !== b.length) return a.length - b.length;
    return a < b ? -1 : 1;
  }
  return left.length - right.length;
}

/** Whether a requirement can be read: a version of one to three numbers, with or without a caret in front. */
export function isRequirement(requirement: string): boolean {
  return parse(requirement, PARTIAL) !== null;
}

/**
 * Whether a version satisfies a caret requirement: not lower, and equal up to and including the first number that is
 * not zero. So below 1.0.0 the minor must be equal, and below 0.1.0 the patch too. A pre-release only satisfies a
 * requirement that names a pre-release of the same version. (Rule: semver.org, and the caret of Cargo.)
 *
 * @param requirement such as `^0.7.1`
 * @param version such as `0.7.2`; the host's own where left out
 * @returns false also where one of them cannot be read
 */
export function isCompatible(requirement: string, version: string = VERSION): boolean {
  const wanted = parse(requirement, PARTIAL);
  const offered = parse(version, FULL);
  if (wanted === null || offered === null) return false;
  const significant = wanted.parts.findIndex((part) => part !== 0);
  const fixed = significant === -1 ? wanted.parts.length : significant + 1;
  for (let index = 0; index < fixed; index++) if (wanted.parts[index] !== offered.parts[index]) return false;
  for (let index = fixed; index < wanted.parts.length; index++) {
    const difference = offered.parts[index]! - wanted.parts[index]!;
    if (difference !== 0) return difference > 0 && offered.pre.length === 0;
  }
  if (offered.pre.length === 0) return true;
  return wanted.parts.length === 3 && wanted.pre.length > 0 && comparePre(offered.pre, wanted.pre) >= 0;
}
