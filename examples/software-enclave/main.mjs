// A small enclave in software: it asks its host a question, touches a page that is not there yet (the host repairs that
// and resumes it), and executes an instruction that enclaves may not (its own handler skips that).
//
//   node examples/software-enclave/main.mjs
import {
  buildEnclave,
  createRegisters,
  createRun,
  EENTER,
  EEXIT,
  EnclaveFault,
  ERESUME,
  enterMerged,
  exit,
  Permission,
  Trap,
} from "postern/enter";

const QUESTION = 1n;
const REPAIRED = 2n;

/** What runs inside. An exit goes on at the next EENTER, a fault at the ERESUME of its frame. */
function* program(thread) {
  if (thread.cssa > 0) return yield* exceptionHandler(thread);
  yield exit({ rdi: QUESTION });
  const answer = Number(thread.registers.rsi);
  yield* thread.attempt(() => thread.write(page, Uint8Array.of(answer)));
  yield* thread.attempt(() => {
    throw new EnclaveFault(Trap.UD); // as `cpuid` does
  });
  const [stored] = yield* thread.attempt(() => thread.read(page, 1));
  return stored + 1;
}

/** The enclave's own exception handler, entered on the frame above: skips the two bytes of the instruction. */
function* exceptionHandler(thread) {
  const { gpr } = thread.frame(thread.cssa - 1);
  gpr.set("rip", gpr.get("rip") + 2n);
  yield exit({ rdi: REPAIRED });
}

/** The host: asked at each exit, answers with what to do next. `run.userData` is the host's own value. */
function host(rdi, _rsi, _rdx, _rsp, r8, _r9, run, registers) {
  const { enclave, log } = run.userData;
  if (run.function !== EEXIT) {
    log.push(`exception ${run.exceptionVector} at 0x${run.exceptionAddress.toString(16)}`);
    if (run.exceptionVector !== Trap.PF) return EENTER; // let it handle that itself
    enclave.protect(run.exceptionAddress, 1, Permission.R | Permission.W);
    return ERESUME;
  }
  if (rdi === REPAIRED) {
    log.push("repaired inside");
    return ERESUME;
  }
  if (rdi === QUESTION) {
    log.push("asked a question");
    registers.rsi = 41n;
    return EENTER;
  }
  log.push(`finished with status ${r8}`);
  return 0;
}

const { enclave, threads, data } = buildEnclave({
  code: program,
  nssa: 2,
  data: [{ permissions: Permission.R | Permission.W, bytes: new Uint8Array(4096) }],
});
const [page] = data;
enclave.protect(page, 1, 0); // not mapped until it is needed

const log = [];
const run = createRun(threads[0], host, { enclave, log });
const result = enterMerged(enclave.cpu(), EENTER, createRegisters(), run);
for (const line of log) console.log(line);
console.log(`the call returned ${result}`);
