/** The modules that `scripts/short-way.mjs` makes of `assembly/`, as base64: whoever links them has the means to decode it. */
export declare const modules: Readonly<Record<"gate" | "sharedGate" | "shim" | "window", string>>;
