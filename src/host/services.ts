/**
 * What only the loader of a keep can do, as a provider the application plugs in: memory of the keep, attestation, threads,
 * a debugger. Without a provider such a call answers ENOSYS.
 */

/** A service's answer: a value >= 0, or -errno. */
export type Answer = number | bigint;

/** Attestation on a machine with SGX or SEV-SNP, or a stand-in for it. */
export interface Attestation {
  /** Bytes of a quote. */
  sgxQuoteSize(): Answer;
  /** A quote for a report of 512 bytes. @returns the quote, or -errno */
  sgxQuote(report: Uint8Array): Uint8Array | number;
  /** TARGETINFO of the quoting enclave, 512 bytes, or -errno. */
  sgxTargetInfo(): Uint8Array | number;
  /** The certificate chain of the processor's VCEK, or -errno. */
  snpVcek(): Uint8Array | number;
}

/** Memory of the keep, as its loader manages it. Addresses and lengths are checked: whole pages, no overflow. */
export interface KeepMemory {
  /** Free memory slots. */
  memInfo(): Answer;
  /** Adds memory. @returns its address on the host */
  balloon(pageBytes: bigint, pages: bigint, address: bigint, isPrivate: boolean): Answer;
  mmap(address: bigint, length: bigint, protection: number): Answer;
  mprotect(address: bigint, length: bigint, protection: number): Answer;
  munmap(address: bigint, length: bigint): Answer;
  modifySgxPageType(address: bigint, length: bigint, type: number): Answer;
  /** Makes a block known that the guest has placed. */
  newSallyport(address: bigint, index: number): Answer;
}

/** Threads of the keep. */
export interface KeepThreads {
  /** Starts a thread. */
  spawn(address: bigint): Answer;
  /**
   * Waits until the keep's counter is not `expected`, or until a monotonic time.
   * @returns the counter, or -ETIMEDOUT, -EINTR when the keep stops
   */
  park(expected: number, until: bigint | undefined): number;
  /** Counts up and wakes all that wait. */
  unpark(): number;
}

/** A debugger at the other end of a stream. */
export interface Debugger {
  /** Waits for a debugger if none is connected. */
  sessionStart(): number;
  /** The next byte, waiting for it. */
  read(): number;
  /** The next byte without taking it, undefined when there is none. */
  peek(): number | undefined;
  /** Sends bytes. @returns 0, or -errno */
  write(bytes: Uint8Array): number;
  flush(): number;
}

/** Everything a loader may offer; what is left out answers ENOSYS. */
export interface Services {
  readonly attestation?: Attestation;
  readonly memory?: KeepMemory;
  readonly threads?: KeepThreads;
  readonly debugger?: Debugger;
}
