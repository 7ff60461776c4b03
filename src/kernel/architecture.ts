/** The machine Postern runs on: which of the two tables of numbers, constants and layouts applies. */
import { PosternError } from "../errors.js";

/** The architectures Postern knows, under their Linux names. */
export type Architecture = "x86_64" | "arm64";

const BY_NODE_NAME: { readonly [name: string]: Architecture } = { x64: "x86_64", arm64: "arm64" };

function thisArchitecture(): Architecture {
  const known = BY_NODE_NAME[process.arch];
  if (known === undefined || process.platform !== "linux") {
    throw new PosternError(
      "EUNSUPPORTED",
      `Postern runs on Linux on x86-64 and arm64 only, not on ${process.platform} on ${process.arch}.`,
    );
  }
  return known;
}

/** This machine's architecture. Loading the module fails with EUNSUPPORTED on any other. */
export const architecture: Architecture = thisArchitecture();
