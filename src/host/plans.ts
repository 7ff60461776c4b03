/** How each system call is executed: worked out once for the process, from the table of calls. */
import { PosternError } from "../errors.js";
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

/** The executor copies so many arguments of every call; the long ways copy the others. */
const SHORT_ARGUMENTS = 3;

/** Ways through the executor: the common shapes have one of their own. */
export const Way = { HOOK: 0, LONG_HOOK: 1, TRANSFER: 2, TRANSFER_AT: 3, FILL: 4, SEEK: 5, CLOCK: 6 } as const;

function wayOf(plan: Plan, native: number): number {
  const long = plan.slotCount > SHORT_ARGUMENTS;
  if (native >= 0) {
    if (plan.host === "clock_gettime") return Way.CLOCK;
    if (plan.host === "lseek") return Way.SEEK;
    if (plan.host === "" && plan.route === Route.TRANSFER) return long ? Way.TRANSFER_AT : Way.TRANSFER;
    if (plan.name === "getrandom") return Way.FILL;
  }
  return long ? Way.LONG_HOOK : Way.HOOK;
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
  readonly writes: boolean;
  readonly right: number;
  readonly extension: boolean;

  constructor(plan: Plan) {
    const hook = plan.host === "" || OWN.includes(plan.host) ? derived : HOOKS[plan.host];
    if (hook === undefined) throw new TypeError(`${plan.name}: no way to execute ${plan.host}`);
    this.plan = plan;
    this.hook = hook;
    this.native = nativeNumber(plan);
    this.way = wayOf(plan, this.native);
    this.positioned = plan.positioned;
    this.writes = plan.writes >= 0;
    this.right = plan.parameters[0]?.right ?? 0;
    this.extension = plan.extension;
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
