// An application's side of plug-ins: text in, text out, and whatever a plug-in does is a result.
import { describeException, PosternError, run } from "postern";

/** What a plug-in gets, whoever wrote it. */
const limits = { memory: "16MiB", output: "64KiB", descriptors: 16 };
const timeout = "3s";

/** Why a plug-in failed, in a line; undefined if it did not. */
function failure(exit) {
  switch (exit.kind) {
    case "exited":
      return exit.code === 0 ? undefined : `it ended with code ${exit.code}`;
    case "trapped":
      return describeException(exit.exception).split("\n")[0];
    case "stopped":
      return exit.reason === "timeout" ? `its time was up (${timeout})` : "the application stopped it";
  }
}

/**
 * Runs a plug-in on a text.
 * @param {string} file the plug-in, a WebAssembly command that reads standard input and writes standard output
 * @param {string} text
 * @param {{ data: string, signal?: AbortSignal }} options a directory it may read as /data; aborting stops it
 * @returns {Promise<{ output: string, problem: string | undefined }>}
 */
export async function runPlugin(file, text, { data, signal }) {
  const dirs = [{ host: data, guest: "/data", access: "read" }];
  try {
    const { exit, stdout } = await run(file, { input: text, dirs, limits, timeout, ...(signal && { signal }) });
    return { output: stdout, problem: failure(exit) };
  } catch (error) {
    // Not even started: no program, or one that wants more than it may have.
    if (error instanceof PosternError) return { output: "", problem: error.message };
    throw error;
  }
}
