/**
 * The thread backend: the program runs in a thread of its own and can be stopped at any moment. A program with threads
 * gets one for each of them; the first that exits or traps ends all.
 *
 * A stop sets a flag that the host looks at before every call, and interrupts the threads with a signal until they answer,
 * so that a read, a sleep or an accept that waits comes back. A program that makes no calls is ended with its thread, but
 * never while the thread is in the host. Descriptors are closed by the thread, or by this side once all have left.
 */
import { PosternError } from "../../errors.js";
import { DescriptorTable } from "../../host/descriptors.js";
import { SYS, syscall1 } from "../../kernel/index.js";
import { installInterrupt } from "../../kernel/threads.js";
import { errorOf, type KeepReply } from "./messages.js";
import { type Ending, Runner } from "./runner.js";
import { type Backend, type CallOutcome, Control, type Outcome, type Setup } from "./setup.js";
import { Count, threadSetup } from "./shared.js";

/** What somebody waits for. */
interface Waiter<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/** How a keep ended. */
type Verdict = { readonly outcome: Ending } | { readonly error: Error };

/** Keeps have numbers, so that a thread's answers are not taken for those of another keep. */
let keeps = 0;

/** Runs a program in a thread, or in several. */
export class ThreadBackend implements Backend {
  readonly entered: Promise<void>;
  readonly started: Promise<void>;
  readonly outcome: Promise<Outcome>;
  private readonly keep = ++keeps;
  private readonly setup: Setup;
  private readonly first: Runner;
  /** Threads in the keep, by their place. */
  private readonly runners: (Runner | undefined)[];
  /** Threads that have left and are not gone yet. */
  private readonly retiring: Promise<void>[] = [];
  private readonly calls = new Map<number, Waiter<CallOutcome>>();
  private lastCall = 0;
  private enter!: () => void;
  private start!: Waiter<void>;
  private end!: Waiter<Outcome>;
  /** Known once something ended the keep; its other threads may still have to leave. */
  private verdict: Verdict | undefined;
  private over = false;

  /** @throws PosternError EUNSUPPORTED where no signal is free, ERESOURCE where no thread can be had */
  constructor(setup: Setup) {
    installInterrupt();
    this.setup = setup;
    this.first = new Runner(this.keep, setup, this.events());
    this.runners = [this.first];
    this.entered = new Promise((resolve) => {
      this.enter = resolve;
    });
    this.started = new Promise((resolve, reject) => {
      this.start = { resolve, reject };
    });
    this.outcome = new Promise((resolve, reject) => {
      this.end = { resolve, reject };
    });
    // Both are rejected when the keep cannot be started, and an application may look at one of them only.
    this.started.catch(() => {});
    this.outcome.catch(() => {});
  }

  private events() {
    return {
      reply: (runner: Runner, reply: KeepReply) => this.take(runner, reply),
      lost: (runner: Runner, error: Error | undefined) => {
        const cause = error ?? new PosternError("ERESOURCE", "the keep's thread ended unexpectedly");
        this.left(runner, this.stopping ? undefined : { error: cause });
      },
    };
  }

  private get stopping(): boolean {
    return this.setup.control[Control.STOP] !== 0;
  }

  private take(runner: Runner, reply: KeepReply): void {
    if (reply.type === "started") {
      this.enter();
      if (this.setup.program.kind === "command") this.start.resolve();
    } else if (reply.type === "spawn") this.spawn(reply.thread, reply.argument);
    else if (reply.type === "failed") this.failed(runner, reply.id, errorOf(reply.error), reply.ended);
    else this.concluded(runner, reply.id, reply.outcome);
  }

  /** Starts another thread of the program, which has counted it already. */
  private spawn(id: number, argument: number): void {
    if (this.stopping) return;
    const vacant = this.runners.indexOf(undefined);
    const place = vacant < 0 ? this.runners.length : vacant;
    try {
      this.runners[place] = new Runner(this.keep, threadSetup(this.setup, place, id, argument), this.events());
    } catch (error) {
      this.finish({ error: error as Error });
    }
  }

  private failed(runner: Runner, id: number, error: Error, ended: boolean): void {
    this.calls.get(id)?.reject(error);
    this.calls.delete(id);
    if (ended) this.left(runner, { error });
  }

  private concluded(runner: Runner, id: number, outcome: CallOutcome): void {
    if (outcome.kind === "ready") {
      this.start.resolve();
      return;
    }
    if (runner === this.first) {
      this.calls.get(id)?.resolve(outcome);
      this.calls.delete(id);
      if (outcome.kind === "returned") return;
    }
    // A thread of the program that returns ends nothing but itself; one that was stopped says nothing of why.
    const tells = outcome.kind === "exited" || outcome.kind === "trapped";
    this.left(runner, tells ? { outcome } : undefined);
  }

  /** A thread has left the keep, or is gone. */
  private left(runner: Runner, verdict: Verdict | undefined): void {
    runner.leave();
    const { threads } = this.setup;
    const place = this.runners.indexOf(runner);
    this.runners[place] = undefined;
    if (threads !== undefined && place > 0) Atomics.sub(threads.counts, Count.RUNNING, 1);
    if (this.runners.some((each) => each !== undefined)) {
      if (verdict !== undefined) this.finish(verdict);
      this.retire(runner);
      return;
    }
    this.verdict ??= verdict ?? { outcome: { kind: "stopped" } };
    this.conclude(this.verdict, runner);
  }

  private retire(runner: Runner): void {
    const gone = runner.retire();
    if (gone !== undefined) this.retiring.push(gone);
  }

  /** Something ended the keep: the other threads have to leave. */
  private finish(verdict: Verdict): void {
    this.verdict ??= verdict;
    Atomics.store(this.setup.control, Control.STOP, 1);
    for (const runner of this.runners) runner?.stop();
  }

  /** The last thread has left: releases everything, then settles. */
  private conclude(verdict: Verdict, last: Runner): void {
    this.over = true;
    this.enter();
    new DescriptorTable(this.setup.rows).clear((native) => syscall1(SYS.close, native));
    for (const call of this.calls.values()) call.resolve({ kind: "stopped" });
    this.calls.clear();
    if ("error" in verdict) this.start.reject(verdict.error);
    else this.start.resolve();
    this.retire(last);
    const settle = () => {
      if ("error" in verdict) this.end.reject(verdict.error);
      else this.end.resolve(verdict.outcome);
    };
    if (this.retiring.length === 0) settle();
    else void Promise.all(this.retiring).then(settle);
  }

  call(name: string, args: readonly unknown[]): Promise<CallOutcome> {
    if (this.over) return Promise.resolve({ kind: "stopped" });
    const id = ++this.lastCall;
    return new Promise((resolve, reject) => {
      this.calls.set(id, { resolve, reject });
      this.first.call(id, name, args);
    });
  }

  stop(): void {
    if (this.over || this.stopping) return;
    Atomics.store(this.setup.control, Control.STOP, 1);
    for (const runner of this.runners) runner?.stop();
  }
}
