/** The structures of an enclave, byte by byte (SDM volume 3D): SECS, TCS, and the parts of an SSA frame. */
import type { Layout } from "../bytes.js";

/** Size of a page, of the SECS and of a TCS. */
export const PAGE_BYTES = 4096;

/** SECS.ATTRIBUTES. */
export const Attribute = {
  INIT: 1n << 0n,
  DEBUG: 1n << 1n,
  MODE64BIT: 1n << 2n,
  PROVISIONKEY: 1n << 4n,
  EINITTOKENKEY: 1n << 5n,
  CET: 1n << 6n,
  KSS: 1n << 7n,
  AEXNOTIFY: 1n << 10n,
} as const;

/** SECS.MISCSELECT. */
export const MiscSelect = { EXINFO: 1, CPINFO: 2 } as const;

/** Page types. */
export const PageType = { SECS: 0, TCS: 1, REG: 2, VA: 3, TRIM: 4 } as const;

/** Page permissions. */
export const Permission = { R: 1, W: 2, X: 4 } as const;

/** TCS.FLAGS: the host's permission to debug this thread. */
export const DBGOPTIN = 1n;

export const TCS_LAYOUT = {
  state: { offset: 0, size: 8 },
  flags: { offset: 8, size: 8 },
  ossa: { offset: 16, size: 8 },
  cssa: { offset: 24, size: 4 },
  nssa: { offset: 28, size: 4 },
  oentry: { offset: 32, size: 8 },
  aep: { offset: 40, size: 8 },
  ofsbase: { offset: 48, size: 8 },
  ogsbase: { offset: 56, size: 8 },
  fslimit: { offset: 64, size: 4 },
  gslimit: { offset: 68, size: 4 },
} as const satisfies Layout;

/** GPRSGX: the last 184 bytes of a frame. The order is rax, rcx, rdx, rbx. */
export const GPRSGX_BYTES = 184;
export const GPRSGX_LAYOUT = {
  rax: { offset: 0, size: 8 },
  rcx: { offset: 8, size: 8 },
  rdx: { offset: 16, size: 8 },
  rbx: { offset: 24, size: 8 },
  rsp: { offset: 32, size: 8 },
  rbp: { offset: 40, size: 8 },
  rsi: { offset: 48, size: 8 },
  rdi: { offset: 56, size: 8 },
  r8: { offset: 64, size: 8 },
  r9: { offset: 72, size: 8 },
  r10: { offset: 80, size: 8 },
  r11: { offset: 88, size: 8 },
  r12: { offset: 96, size: 8 },
  r13: { offset: 104, size: 8 },
  r14: { offset: 112, size: 8 },
  r15: { offset: 120, size: 8 },
  rflags: { offset: 128, size: 8 },
  rip: { offset: 136, size: 8 },
  ursp: { offset: 144, size: 8 },
  urbp: { offset: 152, size: 8 },
  exitinfo: { offset: 160, size: 4 },
  fsbase: { offset: 168, size: 8 },
  gsbase: { offset: 176, size: 8 },
} as const satisfies Layout;

/** EXINFO: directly below GPRSGX, where MISCSELECT asks for it. */
export const EXINFO_BYTES = 16;
export const EXINFO_LAYOUT = {
  maddr: { offset: 0, size: 8 },
  errcd: { offset: 8, size: 4 },
} as const satisfies Layout;

export const SECS_LAYOUT = {
  size: { offset: 0, size: 8 },
  base: { offset: 8, size: 8 },
  ssaframesize: { offset: 16, size: 4 },
  miscselect: { offset: 20, size: 4 },
  attributes: { offset: 48, size: 8 },
  xfrm: { offset: 56, size: 8 },
  isvprodid: { offset: 256, size: 2 },
  isvsvn: { offset: 258, size: 2 },
} as const satisfies Layout;

/** EXITINFO: which vectors it reports (3 hardware, 6 software), and which of MISCSELECT they need. */
const REPORTED: Readonly<Record<number, { readonly type: 3 | 6; readonly needs: number }>> = {
  0: { type: 3, needs: 0 },
  1: { type: 3, needs: 0 },
  3: { type: 6, needs: 0 },
  5: { type: 3, needs: 0 },
  6: { type: 3, needs: 0 },
  13: { type: 3, needs: MiscSelect.EXINFO },
  14: { type: 3, needs: MiscSelect.EXINFO },
  16: { type: 3, needs: 0 },
  17: { type: 3, needs: 0 },
  19: { type: 3, needs: 0 },
  21: { type: 3, needs: MiscSelect.CPINFO },
};

/** EXITINFO of a frame: vector, type and valid bit, or 0 where the exit is not reported (interrupts, other vectors). */
export function exitInfo(vector: number | null, miscselect: number): bigint {
  const reported = vector === null ? undefined : REPORTED[vector];
  if (reported === undefined || (reported.needs & miscselect) !== reported.needs) return 0n;
  return BigInt(vector as number) | (BigInt(reported.type) << 8n) | (1n << 31n);
}
