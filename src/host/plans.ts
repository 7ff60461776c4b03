/** How each system call is executed: worked out once for the process, from the table of calls. */
import { PosternError } from "../errors.js";
import { type PositionedTransfer, positionedTransferOf, type Transfer, transferOf } from "../kernel/transfer.js";
import { type Plan, Route } from "../sallyport/call.js";
import { plans, plansByNumber } from "../sallyport/calls.js";
import { Kind } from "../sallyport/constants.js";
import { clockHooks } from "./clocks.js";
import { Ended } from "./core.js";
import { derived, type Hook, nativeNumber } from "./derived.js";
import { fileHooks } from "./files.js";
import { pathHooks } from "./paths.js";
import type { Policy } from "./policy.js";
import { pollingHooks } from "./polling.js";
import { socketHooks } from "./sockets.js";

/** Ends the keep with a status. */
const exit: Hook = (core, request) => {
  core.status = request.words[0]!;
  core.ended = Ended.EXITED;
  return 0;
};

const HOOKS: Readonly<Record<string, Hook>> = {
  ...pathHooks,
  ...fileHooks,
  ...socketHooks,
  ...pollingHooks,
  ...clockHooks,
  exit,
  exit_group: exit,
};
/** Executed by the executor itself. */
const OWN: readonly string[] = ["lseek", "clock_gettime"];

/** Arguments that are always copied. */
const SHORT_ARGUMENTS = 3;

/** Ways through the executor: the common shapes have one of their own. */
export const Way = { HOOK: 0, TRANSFER: 1, FILL: 2, SEEK: 3, CLOCK: 4 } as const;

function wayOf(plan: Plan, native: number): number {
  if (native < 0) return Way.HOOK;
  if (plan.host === "clock_gettime") return Way.CLOCK;
  if (plan.host === "lseek") return Way.SEEK;
  if (plan.host !== "") return Way.HOOK;
  if (plan.route === Route.TRANSFER) return Way.TRANSFER;
  return plan.name === "getrandom" ? Way.FILL : Way.HOOK;
}

/** How the host executes a plan: flat, one hidden class, made once for the process. */
export class HostPlan {
  readonly plan: Plan;
  readonly hook: Hook;
  /** This machine's number of the call. */
  readonly native: number;
  /** The way through the executor: see {@link Way}. */
  readonly way: number;
  readonly positioned: boolean;
  /** How bytes are moved, for the ways that move some. */
  readonly move: Transfer;
  readonly movePositioned: PositionedTransfer;
  readonly writes: boolean;
  readonly right: number;
  readonly extension: boolean;
  /** Whether it has more than three arguments. */
  readonly long: boolean;

  constructor(plan: Plan) {
    const hook = plan.host === "" || OWN.includes(plan.host) ? derived : HOOKS[plan.host];
    if (hook === undefined) throw new TypeError(`${plan.name}: no way to execute ${plan.host}`);
    this.plan = plan;
    this.hook = hook;
    this.native = nativeNumber(plan);
    this.way = wayOf(plan, this.native);
    this.positioned = plan.positioned;
    this.move = transferOf(plan.kernel);
    this.movePositioned = positionedTransferOf(plan.kernel);
    this.writes = plan.writes >= 0;
    this.right = plan.parameters[0]?.right ?? 0;
    this.extension = plan.extension;
    this.long = plan.slotCount > SHORT_ARGUMENTS;
  }
}

/** How to execute each system call, by number. */
export const HOST_PLANS: ReadonlyArray<HostPlan | undefined> = plansByNumber(Kind.SYSCALL).map((plan) =>
  plan === undefined ? undefined : new HostPlan(plan),
);

/** Errno for each refused call by number, null when none is refused. */
export function refusalTable(policy: Policy): Int32Array | null {
  const entries = Object.entries(policy.refuse ?? {});
  if (entries.length === 0) return null;
  const table = new Int32Array(HOST_PLANS.length);
  for (const [name, errno] of entries) {
    const plan = plans[name as keyof typeof plans];
    if (plan === undefined) throw new PosternError("EINVALIDARGUMENT", `a policy names an unknown call: ${name}`);
    if (plan.kind === Kind.SYSCALL) table[plan.number] = errno!;
  }
  return table;
}
