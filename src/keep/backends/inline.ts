/** The inline backend: the program runs on the calling thread until it ends. */
import { PosternError } from "../../errors.js";
import type { Observer } from "../../host/index.js";
import { type Execution, prepare } from "./execute.js";
import { type Backend, type CallOutcome, Control, type Outcome, type Setup } from "./setup.js";

/** Runs a program on the calling thread. A stop from within an observer counts from the next call on. */
export class InlineBackend implements Backend {
  readonly entered: Promise<void> = Promise.resolve();
  readonly started: Promise<void> = Promise.resolve();
  readonly outcome: Promise<Outcome>;
  private readonly setup: Setup;
  private readonly execution: Execution;
  private settle!: (outcome: Outcome) => void;
  private fail!: (error: unknown) => void;
  private running = true;
  private over = false;

  constructor(setup: Setup, observers: readonly Observer[]) {
    this.setup = setup;
    this.outcome = new Promise((resolve, reject) => {
      this.settle = resolve;
      this.fail = reject;
    });
    this.outcome.catch(() => {});
    this.execution = prepare(setup, observers);
    try {
      this.take(this.execution.start());
    } catch (error) {
      this.execution.close();
      throw error;
    }
  }

  private take(outcome: CallOutcome): CallOutcome {
    this.running = false;
    if (outcome.kind === "ready" || outcome.kind === "returned" || this.over) return outcome;
    this.over = true;
    this.execution.close();
    this.settle(outcome);
    return outcome;
  }

  async call(name: string, args: readonly unknown[]): Promise<CallOutcome> {
    if (this.over) return { kind: "stopped" };
    if (this.running) {
      throw new PosternError("EINVALIDARGUMENT", `${name} cannot be called from within a call of the same keep`);
    }
    this.running = true;
    try {
      return this.take(this.execution.call(name, args));
    } catch (error) {
      this.running = false;
      if (!(error instanceof PosternError) || error.code !== "EINVALIDARGUMENT") this.broke(error);
      throw error;
    }
  }

  /** Postern itself failed, or the keep was attacked: it never goes on. */
  private broke(error: unknown): void {
    this.over = true;
    this.execution.close();
    this.fail(error);
  }

  stop(): void {
    this.setup.control[Control.STOP] = 1;
    if (!this.running) this.take({ kind: "stopped" });
  }
}
