/** Numbers of the notes and segments that shims and loaders agreed on, of both generations. */
const PT_LOOS = 0x6000_0000;

/** Segment types. */
export const Pt = {
  LOAD: 1,
  /** Where the loader puts the program. */
  EXEC: PT_LOOS + 0x340_0000,
  /** Only in the earliest shims; flags took their place. */
  KVM_SALLYPORT: PT_LOOS + 0x34a_0001,
  KVM_CPUID: PT_LOOS + 0x34a_0002,
  KVM_SECRET: PT_LOOS + 0x34a_0003,
} as const;

/** Segment flags: the usual three, and those of the loader. */
export const Pf = {
  X: 1 << 0,
  W: 1 << 1,
  R: 1 << 2,
  /** SGX: a thread control structure. */
  SGX_TCS: 1 << 20,
  /** SGX: added and not measured. */
  SGX_UNMEASURED: 1 << 21,
  /** KVM: the blocks. */
  KVM_SALLYPORT: 1 << 22,
  /** SEV-SNP: the CPUID page. */
  SNP_CPUID: 1 << 23,
  /** SEV-SNP: the secrets page. */
  SNP_SECRETS: 1 << 24,
} as const;

/** Owner name of every note. */
export const NOTE_NAME = "sallyport";

/** Note types. */
export const NoteType = {
  REQUIRES: 0,
  SGX_BITS: 0x7367_7800,
  SGX_SSAP: 0x7367_7801,
  SGX_PID: 0x7367_7810,
  SGX_SVN: 0x7367_7811,
  SGX_MISC: 0x7367_7812,
  SGX_MISCMASK: 0x7367_7813,
  SGX_ATTR: 0x7367_7814,
  SGX_ATTRMASK: 0x7367_7815,
  BLOCK_SIZE: 0x7367_7820,
  NUM_BLOCKS: 0x7367_7821,
  SNP_POLICY: 0x7367_7822,
  SNP_FAMILY_ID: 0x7367_7823,
  SNP_IMAGE_ID: 0x7367_7824,
  SNP_SVN: 0x7367_7825,
} as const;
