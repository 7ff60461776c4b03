/**
 * `npm run fuzz`: attacks the sides of the boundary with random cases.
 *
 *   npm run fuzz -- --seconds 60
 *   npm run fuzz -- --side lying-host --seed 7 --cases 1000000
 *   npm run fuzz -- --side lying-host --seed 7 --only 4711     one case again
 */
import { parseArgs } from "node:util";
import { lyingGuest } from "./lying-guest.js";
import { lyingHost } from "./lying-host.js";
import { registersSide } from "./registers.js";
import { type Bounds, runSeries, type Series } from "./side.js";

/** Every side there is, by name. A side is made in a file of its own and entered here. */
const SIDES: Readonly<Record<string, (bounds: Bounds) => Series>> = {
  "lying-guest": (bounds) => {
    const side = lyingGuest();
    const series = runSeries(side, bounds);
    side.close();
    return series;
  },
  "lying-host": (bounds) => runSeries(lyingHost(), bounds),
  registers: (bounds) => runSeries(registersSide, bounds),
};

const HELP = `usage: npm run fuzz -- [options]

  --side NAME    ${Object.keys(SIDES).join(", ")}; all of them by default
  --seconds N    so long, for all sides together; 60 by default
  --cases N      so many cases for each side
  --seed N       the same cases again; printed by every run
  --only N       one case alone, of those of a seed
  --help         show this

example: npm run fuzz -- --side lying-host --seed 7 --cases 1000000
`;

function options() {
  const text = { type: "string" } as const;
  try {
    const names = {
      side: text,
      seconds: text,
      seed: text,
      cases: text,
      only: text,
      help: { type: "boolean" },
    } as const;
    return parseArgs({ options: names }).values;
  } catch (error) {
    console.error(`${(error as Error).message.split(". ")[0]}\n\n${HELP}`);
    process.exit(2);
  }
}

const values = options();
if (values.help === true) {
  console.log(HELP);
  process.exit(0);
}

function numberOf(name: "seconds" | "seed" | "cases" | "only"): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isFinite(number) && number >= 0) return number;
  console.error(`--${name} takes a number that is not negative; got ${text}`);
  process.exit(2);
}

const seconds = numberOf("seconds");
const cases = numberOf("cases");
const only = numberOf("only");
const seed = (numberOf("seed") ?? Date.now()) >>> 0;
const names = values.side === undefined ? Object.keys(SIDES) : [values.side];

for (const name of names) {
  const side = SIDES[name];
  if (side === undefined) {
    console.error(`no side is called ${name}; there are: ${Object.keys(SIDES).join(", ")}`);
    process.exit(2);
  }
  const limit = seconds ?? (cases === undefined && only === undefined ? 60 : undefined);
  const bounds: Bounds = {
    seed,
    ...(limit === undefined ? {} : { seconds: limit / names.length }),
    ...(cases === undefined ? {} : { cases }),
    ...(only === undefined ? {} : { only }),
  };
  console.log(`${name}: seed ${seed}`);
  const started = performance.now();
  const series = side(bounds);
  const took = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${name}: ${series.cases} cases in ${took} s, ${series.failure === undefined ? "all held" : "one failed"}`,
  );
  if (series.failure !== undefined) {
    console.log(series.failure);
    process.exitCode = 1;
  }
}
