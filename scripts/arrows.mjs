// Checks which part of src/ imports which, and exits with 1 if one imports what it may not:
//
//   node scripts/arrows.mjs [DIRECTORY]      DIRECTORY holds src/; the project's own by default
//
// The arrows are those of the table below and no others; docs/rationale.md says why for those that are not obvious. An
// arrow counts whether it carries values or types, and whether it is an import, a re-export, an import() or a worker's
// file. Pure parts must run in a jailed process, an enclave or a browser: no node:*, no packages, no globals of Node.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const NODE = "node:*";
const PURE = [];

/**
 * Every part of src/: a folder, a file, or a folder inside one, which then is a part of its own. `imports` are parts, or
 * files of parts; a folder means all of it except the parts inside. `outside` are packages; empty means pure.
 */
const PARTS = {
  "errors.ts": { imports: [], outside: PURE },
  "compiled.cts": { imports: [], outside: [NODE] },
  "units.ts": { imports: ["errors.ts"], outside: PURE },
  sallyport: { imports: ["errors.ts"], outside: PURE },
  guest: { imports: ["errors.ts", "sallyport"], outside: PURE },
  shim: { imports: ["errors.ts", "sallyport", "guest", "wasm"], outside: PURE },
  wasm: { imports: ["errors.ts"], outside: PURE },
  enter: { imports: ["errors.ts"], outside: PURE },
  "short-way": { imports: ["wasm"], outside: PURE },
  "short-way/assembly/host": { imports: ["sallyport", "host/descriptors.ts", "short-way/layout.ts"], outside: PURE },
  "short-way/assembly/thread.ts": { imports: [], outside: PURE },
  "short-way/assembly/entry.ts": {
    imports: ["short-way/assembly/host", "short-way/assembly/thread.ts", "short-way/layout.ts"],
    outside: PURE,
  },
  "short-way/assembly/sally.ts": { imports: ["short-way/assembly/entry.ts"], outside: PURE },
  "short-way/assembly/inside": {
    imports: ["sallyport", "shim", "short-way/layout.ts", "short-way/assembly/sally.ts"],
    outside: PURE,
  },
  "short-way/assembly/apart.ts": { imports: ["short-way/assembly/host"], outside: PURE },
  "short-way/assembly/gate.ts": {
    imports: ["short-way/assembly/inside", "short-way/assembly/apart.ts"],
    outside: PURE,
  },
  "short-way/assembly/window.ts": { imports: [], outside: PURE },
  "short-way/assembly/shim.ts": { imports: ["sallyport", "shim", "short-way/layout.ts"], outside: PURE },
  devices: { imports: ["errors.ts", "sallyport"], outside: PURE },
  "devices/check": { imports: ["errors.ts", "sallyport", "devices"], outside: PURE },
  kernel: { imports: ["errors.ts"], outside: [NODE, "koffi", "@koromix/koffi-linux-x64"] },
  host: { imports: ["errors.ts", "sallyport", "kernel", "devices/check", "short-way/layout.ts"], outside: [NODE] },
  launch: { imports: ["errors.ts", "units.ts", "sallyport", "kernel"], outside: [NODE] },
  measure: { imports: ["errors.ts", "sallyport", "kernel"], outside: [NODE] },
  observe: { imports: ["errors.ts", "units.ts", "sallyport", "kernel"], outside: [NODE] },
  config: { imports: ["errors.ts", "units.ts"], outside: [NODE] },
  keep: {
    imports: [
      ..."errors.ts units.ts sallyport guest shim host enter".split(" "),
      ..."kernel wasm observe config short-way compiled.cts".split(" "),
    ],
    outside: [NODE],
  },
  cli: {
    imports: [
      ..."errors.ts units.ts index.ts keep config observe launch measure devices wasm".split(" "),
      "kernel/capabilities.ts",
      "sallyport/elf.ts",
      "compiled.cts",
    ],
    outside: [NODE, "commander"],
  },
  "index.ts": {
    imports: [..."errors.ts units.ts sallyport guest host enter devices launch measure observe config keep".split(" ")],
    outside: PURE,
  },
};

/** Names that exist in Node and need not exist elsewhere. */
const NODE_GLOBALS = new Set("process Buffer require module global __dirname __filename setImmediate".split(" "));

const root = resolve(process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url)));
const source = join(root, "src");
const builtins = new Set(builtinModules);

/** The part a file belongs to, the innermost one; undefined if the table has none. */
function partOf(file) {
  for (let path = file; path !== "."; path = dirname(path)) if (path in PARTS) return path;
  return undefined;
}

/** The literal text of an expression, or undefined. */
function literal(node) {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined;
}

/** Whether a call loads a module: import(), require(), createRequire(...)(), process.getBuiltinModule(). */
function loadsModule(call) {
  const { expression } = call;
  if (expression.kind === ts.SyntaxKind.ImportKeyword) return true;
  if (ts.isIdentifier(expression)) return expression.text === "require";
  if (ts.isPropertyAccessExpression(expression)) return expression.name.text === "getBuiltinModule";
  return ts.isCallExpression(expression) && expression.expression.getText() === "createRequire";
}

/** `new URL("./file.js", import.meta.url)`, as workers are started with. */
function isModuleUrl(node) {
  return (
    ts.isNewExpression(node) &&
    node.expression.getText() === "URL" &&
    node.arguments?.[1]?.getText() === "import.meta.url" &&
    /\.[cm]?js$/.test(literal(node.arguments[0]) ?? "")
  );
}

/** What one node loads: its specifier, `null` for one that is computed, undefined if it loads nothing. */
function specifierOf(node) {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return literal(node.moduleSpecifier);
  if (ts.isExternalModuleReference(node)) return literal(node.expression) ?? null;
  if (ts.isImportTypeNode(node)) return literal(node.argument.literal) ?? null;
  if (ts.isCallExpression(node) && loadsModule(node)) return literal(node.arguments[0]) ?? null;
  return isModuleUrl(node) ? literal(node.arguments[0]) : undefined;
}

/** Whether an identifier stands for a thing of that name, rather than for a member or for what is being declared. */
function isReference(identifier) {
  const { parent } = identifier;
  if (ts.isPropertyAccessExpression(parent)) {
    return parent.name !== identifier || parent.expression.getText() === "globalThis";
  }
  if (ts.isQualifiedName(parent)) return parent.right !== identifier;
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  if (ts.isBindingElement(parent) && parent.propertyName === identifier) return false;
  return parent.name !== identifier;
}

/** Whether the parent of an identifier gives that name to something of the file's own. */
function isBinding({ parent }) {
  return (
    ts.isDeclarationStatement(parent) ||
    ts.isVariableDeclaration(parent) ||
    ts.isParameter(parent) ||
    ts.isBindingElement(parent) ||
    ts.isImportSpecifier(parent)
  );
}

/** What is wrong with the import of a package or a module of Node, or undefined. */
function packageProblem(from, specifier) {
  const { outside } = PARTS[from];
  const builtin = specifier.startsWith("node:") || builtins.has(specifier);
  const allowed = outside.some((name) => (builtin ? name === NODE : `${specifier}/`.startsWith(`${name}/`)));
  if (allowed) return builtin && !specifier.startsWith("node:") ? `${specifier}: write node:${specifier}` : undefined;
  const rule = outside === PURE ? "is pure: no node:* module and no package" : `may import only ${outside.join(", ")}`;
  return `${from} -> ${specifier} is forbidden; ${from} ${rule}`;
}

/** What is wrong with an import by a file of this part, or undefined. */
function importProblem(from, path, specifier) {
  if (specifier === null) return "the name of a module must be a literal, so that it can be checked";
  if (/^(#|postern(\/|$)|\/|file:)/.test(specifier)) {
    return `${specifier}: an import inside src/ is a relative path, which needs no map to follow`;
  }
  if (!specifier.startsWith(".")) return packageProblem(from, specifier);
  const target = relative(source, resolve(dirname(path), specifier)).replace(/\.(c?)js$/, ".$1ts");
  if (target.startsWith("..")) return `${from} -> ${specifier} is forbidden; src/ imports only from src/`;
  // What is made by a script has only its types in src/.
  const exists = existsSync(join(source, target)) || existsSync(join(source, target.replace(/\.ts$/, ".d.ts")));
  if (!/\.c?js$/.test(specifier) || !exists) {
    return `${specifier}: there is no src/${target}; name the file, with .js`;
  }
  const to = partOf(target);
  const { imports } = PARTS[from];
  if (to === from || imports.includes(to) || imports.includes(target)) return undefined;
  return `${from} -> ${to ?? target} is forbidden (${specifier}); ${from} may import ${imports.join(", ") || "nothing"}`;
}

/** All modules that a file loads, and all globals of Node that it uses, with the nodes that do so. */
function usesOf(tree) {
  const specifiers = [];
  const globals = [];
  const declared = new Set();
  const visit = (node) => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) specifiers.push({ node, specifier });
    if (ts.isIdentifier(node) && NODE_GLOBALS.has(node.text)) {
      if (isReference(node)) globals.push(node);
      else if (isBinding(node)) declared.add(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { specifiers, globals: globals.filter(({ text }) => !declared.has(text)) };
}

/** @returns every violation in a file: a line, counted from 1, and a sentence */
function checkFile(path) {
  const from = partOf(relative(source, path));
  if (from === undefined) {
    return [{ line: 1, text: "not in the table of scripts/arrows.mjs; add a row that says what it may import" }];
  }
  const tree = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
  const violations = [];
  const report = (position, text) => {
    violations.push({ line: tree.getLineAndCharacterOfPosition(position).line + 1, text });
  };
  const { specifiers, globals } = usesOf(tree);
  for (const { node, specifier } of specifiers) {
    const problem = importProblem(from, path, specifier);
    if (problem !== undefined) report(node.getStart(tree), problem);
  }
  for (const reference of [...tree.referencedFiles, ...tree.typeReferenceDirectives]) {
    report(reference.pos, `${reference.fileName}: a reference is an arrow that nobody sees; import what is needed`);
  }
  for (const node of PARTS[from].outside === PURE ? globals : []) {
    report(node.getStart(tree), `${from} -> ${node.text} is forbidden; ${from} is pure: no globals of Node`);
  }
  return violations;
}

if (!existsSync(source) || !statSync(source).isDirectory()) {
  console.error(`${source}: no such folder`);
  process.exit(2);
}
const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.[cm]?[jt]sx?$/.test(entry.name))
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  .sort();
let count = 0;
for (const file of files) {
  for (const { line, text } of checkFile(file)) {
    console.error(`${relative(root, file)}:${line}: ${text}`);
    count++;
  }
}
if (count === 0) console.log(`arrows: ${files.length} files, each imports only what it may`);
else console.error(`arrows: ${count} found that the table in scripts/arrows.mjs does not allow`);
process.exit(count === 0 ? 0 : 1);
