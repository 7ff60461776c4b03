/** The modules that `scripts/short-way.mjs` makes of `assembly/`, as base64. */
export declare const modules: { readonly host: string; readonly inside: string; readonly shim: string };
