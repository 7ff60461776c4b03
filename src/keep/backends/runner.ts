/** A thread of the pool that serves a keep: told to stop, interrupted and ended where need be. */
import { interruptThread } from "../../kernel/threads.js";
import { createTracer } from "../../observe/tracer.js";
import type { KeepReply } from "./messages.js";
import { giveThread, type KeepThread, takeThread } from "./pool.js";
import { type CallOutcome, Control, type Setup } from "./setup.js";
import { programWord } from "./shared.js";

/** Between two interrupts of a thread that has not answered yet. */
const INTERRUPT_MS = 4;
/** A program that has made no call for so long after the request is ended with its thread. */
const GRACE_MS = 24;

/** Hears what a runner says. */
export interface RunnerEvents {
  reply(runner: Runner, reply: KeepReply): void;
  /** The thread is gone, without having left the keep. */
  lost(runner: Runner, error: Error | undefined): void;
}

/** One thread of a keep. */
export class Runner {
  readonly setup: Setup;
  private readonly keep: number;
  private readonly thread: KeepThread;
  /** It has left the keep, or is gone. */
  done = false;
  private stopped = false;
  private terminated = false;
  private timer: NodeJS.Timeout | undefined;

  /** Takes a thread and enters the keep with it. @throws PosternError ERESOURCE */
  constructor(keep: number, setup: Setup, events: RunnerEvents) {
    this.keep = keep;
    this.setup = setup;
    this.thread = takeThread();
    this.thread.onReply = (reply) => {
      if (reply.keep === keep && !this.done) events.reply(this, reply);
    };
    this.thread.onGone = (error) => {
      if (this.done) return;
      if (setup.trace !== undefined) createTracer({ ...setup.trace, stop: setup.control }).close();
      events.lost(this, error);
    };
    this.thread.post({ type: "start", keep, setup });
  }

  call(id: number, name: string, args: readonly unknown[]): void {
    this.thread.post({ type: "call", keep: this.keep, id, name, args });
  }

  /** Makes it leave the keep; the word that says so is set already. */
  stop(): void {
    if (this.done || this.stopped) return;
    this.stopped = true;
    this.thread.post({ type: "close", keep: this.keep });
    this.interrupt(0);
  }

  /** Interrupts the thread again and again; ends it when the program makes no call that could see the request. */
  private interrupt(waitedMs: number): void {
    if (this.done) return;
    const inProgram = Atomics.load(this.setup.control, programWord(this.setup)) !== 0;
    if (waitedMs >= GRACE_MS && inProgram && !this.terminated) {
      this.terminated = true;
      void this.thread.worker.terminate();
    }
    // A call that began before the request may wait for ever, also after a first interrupt that came too early.
    if (this.thread.tid !== 0) interruptThread(this.thread.tid);
    this.timer = setTimeout(() => this.interrupt(waitedMs + INTERRUPT_MS), INTERRUPT_MS);
  }

  /** It has left the keep, or is gone. */
  leave(): void {
    this.done = true;
    clearTimeout(this.timer);
  }

  /** Gives the thread back, or ends it. @returns a promise where that takes time */
  retire(): Promise<void> | undefined {
    const stopping = this.setup.control[Control.STOP] !== 0;
    if (!stopping && !this.thread.isGone) {
      giveThread(this.thread);
      return undefined;
    }
    // It may have been told to end already, or may still get a signal.
    this.thread.end();
    return this.thread.gone;
  }
}

/** An outcome after which the keep cannot go on. */
export type Ending = Exclude<CallOutcome, { kind: "returned" } | { kind: "ready" }>;
