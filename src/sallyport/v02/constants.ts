/** Sizes, limits and numbers of the older generation. All layouts are those of x86-64 Linux, little endian. */

/** Version of the protocol library whose blocks these are. */
export const VERSION = "0.2.0";
/** The requirement a shim of this generation states: a semver caret requirement on {@link VERSION}. */
export const REQUIRES = `^${VERSION}`;
/** I/O port a KVM shim writes to when it hands the block over. */
export const KVM_SYSCALL_TRIGGER_PORT = 0xff;
/** Bytes of the largest UDP datagram: 65535 minus an IP header (20) and a UDP header (8). */
export const MAX_UDP_PACKET_SIZE = 65_507;

/** Bytes of a request: number and seven arguments. */
export const REQUEST_SIZE = 64;
/** Bytes of a reply: two return values and an error word. */
export const REPLY_SIZE = 24;
/** Bytes of a message, the union of both. */
export const MESSAGE_SIZE = 64;
/** Arguments a request has room for. Only six of them reach the processor. */
export const REQUEST_ARGUMENTS = 7;

const PAGE_SIZE = 4096;
/** Bytes of a block: the message and room for the largest datagram, in whole pages. */
export const BLOCK_SIZE = Math.ceil((MAX_UDP_PACKET_SIZE + MESSAGE_SIZE) / PAGE_SIZE) * PAGE_SIZE;
/** What the address of a block must be a multiple of. */
export const BLOCK_ALIGN = 8;
/** Bytes of the buffer behind the message. */
export const BUF_CAPACITY = BLOCK_SIZE - MESSAGE_SIZE;

/** Numbers above those of Linux, understood by shims and hosts of this generation. */
export const SYS_ENARX_GETATT = 0xea01;
export const SYS_ENARX_MEM_INFO = 0xea02;
export const SYS_ENARX_BALLOON_MEMORY = 0xea03;
export const SYS_ENARX_CPUID = 0xea04;
/** Resume after an asynchronous exit. */
export const SYS_ENARX_ERESUME = -1;

/** Technology a quote comes from: second return value of get_attestation. */
export const SEV_TECH = 1;
export const SGX_TECH = 2;
/** Bytes of the placeholder quote and target info of a host that has no quoting service. */
export const SGX_DUMMY_QUOTE_SIZE = 4598;
export const SGX_DUMMY_TARGET_INFO_SIZE = 512;

/** Errno values the handlers give. */
export const Errno = {
  ENOENT: 2,
  EBADF: 9,
  EFAULT: 14,
  EINVAL: 22,
  ENOTTY: 25,
  ENOSYS: 38,
  EBADFD: 77,
  EMSGSIZE: 90,
} as const;
