/** What a line shows of each call: the call's description made flat, as a format writes it. */
import { Argument, Direction, type Parameter, type Plan } from "../sallyport/call.js";
import { encoded } from "./ascii.js";
import type { LineFormat } from "./format.js";
import { named, Texts } from "./names.js";

/** How an argument is shown. */
export const Show = {
  NUMBER: 0,
  /** A number by its names. */
  NAMED: 1,
  /** The first bytes, and how many there are. */
  BYTES: 2,
  PATH: 3,
  /** A structure, or several. */
  RECORD: 4,
} as const;

function showOf({ argument, shown }: Parameter): number {
  if (argument === Argument.PATH) return Show.PATH;
  if (argument === Argument.BYTES || argument === Argument.PIECES) return Show.BYTES;
  if (argument >= Argument.BYTES) return Show.RECORD;
  return shown === undefined ? Show.NUMBER : Show.NAMED;
}

/** An argument in a line. */
export class ShownArgument {
  /** The text in front of it. */
  readonly before: Uint8Array;
  /** See {@link Show}. */
  readonly show: number;
  readonly names: Texts;
  readonly optional: boolean;
  /** In its place when it was left out. */
  readonly absent: Uint8Array;
  /** The host alone fills it: after an error it is not known. */
  readonly outgoing: boolean;
  readonly unknown: Uint8Array;
  /** The result is how many of its bytes were filled. */
  readonly limited: boolean;
  /** Bytes of a structure. */
  readonly size: number;

  constructor(format: LineFormat, plan: Plan, index: number) {
    const parameter = plan.parameters[index]!;
    const { name, shown, optional, direction, size } = parameter;
    this.before = encoded((index === 0 ? format.start(plan.name) : format.next) + format.key(name));
    this.show = showOf(parameter);
    this.names = new Texts((value) => format.word(named(value, shown!)));
    this.optional = optional;
    const isRecord = this.show === Show.RECORD;
    this.absent = encoded(isRecord ? format.word("NULL") : format.nothing);
    this.outgoing = (direction & Direction.IN) === 0;
    this.unknown = encoded(isRecord ? format.word("?") : format.unknown);
    this.limited = this.outgoing && plan.limit === index;
    this.size = size;
  }
}

/** The line of a call. */
export class LinePlan {
  readonly shown: readonly ShownArgument[];
  /** The text between the arguments and the answer. */
  readonly end: Uint8Array;

  constructor(format: LineFormat, plan: Plan) {
    this.shown = plan.parameters.map((_, index) => new ShownArgument(format, plan, index));
    this.end = encoded(this.shown.length === 0 ? format.start(plan.name) + format.end : format.end);
  }
}
