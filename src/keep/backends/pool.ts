/** Threads for keeps. Starting one takes tens of milliseconds, so a few that served a keep to its end wait for the next. */
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { PosternError } from "../../errors.js";
import { mapExecutor } from "../../kernel/index.js";
import type { KeepReply, Reply, Request } from "./messages.js";

/** Idle threads kept. */
const IDLE_MAX = 2;
/** After this time without work an idle thread ends. */
const IDLE_MS_MAX = 10_000;

/** The thread, which is bundled: it starts in half the time of the single files (scripts/bundle.mjs). */
const WORKER = new URL(
  import.meta.url.includes("/bundle/") ? "../keep/backends/start.cjs" : "./start.cjs",
  import.meta.url,
);

/** Pages for system calls whose thread is gone. */
const vacantPages: number[] = [];

/** A thread, lent to one keep at a time. */
export class KeepThread {
  readonly worker: Worker;
  /** Kernel id of the thread; 0 until it is online. */
  tid = 0;
  /** Hears what the thread says; set by the keep that has it. */
  onReply: (reply: KeepReply) => void = () => {};
  /** Hears that the thread is gone. */
  onGone: (error: Error | undefined) => void = () => {};
  /** Whether the thread is gone. */
  isGone = false;
  /** Settled when the thread is gone. */
  readonly gone: Promise<void>;
  private timer: NodeJS.Timeout | undefined;

  constructor() {
    // Standard streams stay unconnected: nothing in a keep's thread writes to those of Node. Its flags and variables are
    // the application's: some flags (--input-type, --import of a loader) would keep the thread from starting.
    const pages = vacantPages.pop() ?? mapExecutor();
    const workerData = { pages };
    this.worker = new Worker(WORKER, { stdin: false, name: "postern keep", execArgv: [], env: {}, workerData });
    let failure: Error | undefined;
    this.worker.on("message", (reply: Reply) => {
      if (reply.type === "online") this.tid = reply.tid;
      else this.onReply(reply);
    });
    this.worker.on("error", (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      failure = new PosternError("ERESOURCE", `the keep's thread failed: ${message}`, { cause: error });
    });
    this.gone = new Promise((resolve) => {
      this.worker.on("exit", () => {
        this.isGone = true;
        vacantPages.push(pages);
        this.forget();
        this.onGone(failure);
        resolve();
      });
    });
  }

  post(request: Request): void {
    this.worker.postMessage(request);
  }

  /** Back to waiting; the process may end meanwhile. */
  rest(): void {
    this.onReply = () => {};
    this.onGone = () => {};
    this.worker.unref();
    idle.push(this);
    this.timer = setTimeout(() => this.end(), IDLE_MS_MAX).unref();
  }

  /** Takes the thread out of waiting. */
  wake(): void {
    clearTimeout(this.timer);
    this.worker.ref();
  }

  /** Ends the thread. */
  end(): void {
    this.forget();
    void this.worker.terminate();
  }

  private forget(): void {
    clearTimeout(this.timer);
    const index = idle.indexOf(this);
    if (index >= 0) idle.splice(index, 1);
  }
}

const idle: KeepThread[] = [];

/** Address space that a new thread's engine reserves, with some to spare; without it the engine ends the process. */
const THREAD_BYTES = 2 ** 30;
const STATM_PAGE_BYTES = 4096;

/** Refuses to start a thread where a limit of the address space (ulimit -v) leaves no room. @throws PosternError ERESOURCE */
function checkAddressSpace(): void {
  const [, limit] = /^Max address space +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  if (limit === undefined) return;
  const used = Number.parseInt(readFileSync("/proc/self/statm", "utf8"), 10) * STATM_PAGE_BYTES;
  if (Number(limit) - used >= THREAD_BYTES) return;
  throw new PosternError(
    "ERESOURCE",
    "there is no memory for the keep's thread: the address space is limited; raise ulimit -v, or use the inline backend",
  );
}

/**
 * A thread for a keep: one that waits, or a new one.
 * @throws PosternError ERESOURCE when there is no room for one
 */
export function takeThread(): KeepThread {
  const thread = idle.pop();
  if (thread === undefined) {
    checkAddressSpace();
    return new KeepThread();
  }
  thread.wake();
  return thread;
}

/** Gives a thread back whose keep ended by itself. */
export function giveThread(thread: KeepThread): void {
  if (idle.length < IDLE_MAX) thread.rest();
  else thread.end();
}
