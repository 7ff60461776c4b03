// Turns the events of node:test into lines: one for each outermost test, failures in full where they happen, then the
// failed and the skipped tests with their reasons, and last node's own summary.
import { inspect } from "node:util";

/** What node says of a test that --name left out; such tests are not of interest. */
const LEFT_OUT = "test name does not match pattern";
const SUMMARY = /^(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

/** The error a test threw, rather than the one that node wraps it in. */
function explain({ error }) {
  const cause = error?.code === "ERR_TEST_FAILURE" && error.cause instanceof Error ? error.cause : error;
  const text = cause instanceof Error ? inspect(cause) : String(cause?.message ?? inspect(cause));
  return text.replace(/^/gm, "    ");
}

/** A test fails because one inside it does: that one has been told already. */
function isConsequence({ error }) {
  return error?.failureType === "subtestsFailed";
}

/**
 * @param events the stream of `run()` of node:test
 * @param shorten makes a path shorter for people
 * @returns texts to write, in order
 */
export async function* report(events, shorten) {
  /** Names from the outermost test to the one that is running. */
  const path = [];
  const failed = [];
  const skipped = [];
  let summary = false;

  const nameOf = ({ nesting, name }) => [...path.slice(0, nesting), name].join(" > ");
  const seconds = ({ details }) => `${(details.duration_ms / 1000).toFixed(2)} s`;

  const handlers = {
    "test:start": ({ nesting, name }) => {
      path.length = nesting;
      path.push(name);
      return "";
    },
    "test:pass": (data) => {
      const { nesting, skip, name } = data;
      if (skip === LEFT_OUT) return "";
      if (skip !== undefined)
        skipped.push(`${nameOf(data)}: ${skip === true || skip === "" ? "no reason given" : skip}`);
      const mark = skip !== undefined ? "skip   " : data.todo !== undefined ? "todo   " : "ok     ";
      return nesting === 0 ? `${mark}${seconds(data).padStart(8)}  ${shorten(name)}\n` : "";
    },
    "test:fail": (data) => {
      const { file, line, nesting, name, details } = data;
      if (data.todo !== undefined) return "";
      const end = nesting === 0 ? `not ok ${seconds(data).padStart(8)}  ${shorten(name)}\n` : "";
      if (isConsequence(details)) return end;
      failed.push(nameOf(data));
      const place = file === undefined ? "" : `  at ${shorten(file)}${line === undefined ? "" : `:${line}`}\n`;
      return `FAILED  ${nameOf(data)}\n${place}${explain(details)}\n${end}`;
    },
    "test:stdout": ({ message }) => message,
    "test:stderr": ({ message }) => message,
    "test:diagnostic": ({ nesting, message }) => {
      if (nesting > 0 || !SUMMARY.test(message)) return `${"  ".repeat(nesting)}# ${message}\n`;
      const lists = summary ? "" : list("skipped", skipped) + list("failed", failed);
      summary = true;
      return `${lists}# ${message}\n`;
    },
  };
  for await (const { type, data } of events) {
    yield handlers[type]?.(data) ?? "";
  }
}

function list(title, names) {
  return names.length === 0 ? "" : `# ${title}:\n${names.map((name) => `#   ${name}\n`).join("")}`;
}
