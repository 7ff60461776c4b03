/** The CPUID instruction of x86-64. */
import { architecture } from "./architecture.js";
import { koffi } from "./libc.js";
import { mapCode } from "./machine-code.js";

/** `void cpuid(uint32_t leaf, uint32_t sub_leaf, uint32_t result[4])` in the SysV convention. */
const CODE: readonly number[] = [
  [0xf3, 0x0f, 0x1e, 0xfa], // endbr64
  [0x53], // push rbx: CPUID changes it, callers need it
  [0x49, 0x89, 0xd0], // mov r8, rdx: the result
  [0x89, 0xf8], // mov eax, edi
  [0x89, 0xf1], // mov ecx, esi
  [0x0f, 0xa2], // cpuid
  [0x41, 0x89, 0x00], // mov [r8], eax
  [0x41, 0x89, 0x58, 0x04], // mov [r8+4], ebx
  [0x41, 0x89, 0x48, 0x08], // mov [r8+8], ecx
  [0x41, 0x89, 0x50, 0x0c], // mov [r8+12], edx
  [0x5b], // pop rbx
  [0xc3], // ret
].flat();

type Cpuid = (leaf: number, subLeaf: number, result: number) => void;
let instruction: Cpuid | undefined;

/**
 * Executes CPUID.
 * @param leaf value of EAX
 * @param subLeaf value of ECX
 * @param address address of 16 writable bytes: EAX, EBX, ECX, EDX; a bad one kills the process
 * @returns false on machines without the instruction; nothing is written then
 */
export function cpuid(leaf: number, subLeaf: number, address: number): boolean {
  if (architecture !== "x86_64") return false;
  instruction ??= koffi.decode(
    BigInt(mapCode(CODE)),
    koffi.proto("void", ["uint32_t", "uint32_t", "int64_t"]),
  ) as unknown as Cpuid;
  instruction(leaf >>> 0, subLeaf >>> 0, address);
  return true;
}
