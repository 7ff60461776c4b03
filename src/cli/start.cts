#!/usr/bin/env -S node --
/**
 * The command `postern`. `run` has a bundle of its own, one file that Node loads without its module loader, and its compiled
 * code (docs/rationale.md says why, docs/performance.md what it takes). Every other command loads the files as they are.
 */
import compiled = require("../compiled.cjs");

if (process.argv[2] === "run") {
  compiled.loadBundle(compiled.bundleNamed("run.cjs"), (store) => process.once("exit", store));
} else void import("./main.js");
