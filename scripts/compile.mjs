// Compiles src/ as `tsc -b` does, with one difference: where the name of a constant number is read, the number is written.
//
//   node scripts/compile.mjs [DIRECTORY]     DIRECTORY holds tsconfig.json; the project's own by default
//
// To the engine an imported name is a variable, constant or not: `Kind.SYSCALL` costs two loads and a check each time, and a
// call at the boundary reads a hundred of them. docs/rationale.md has the measurement.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url));
const { SyntaxKind } = ts;

/** What constants are computed with. */
const OPERATORS = new Map([
  [SyntaxKind.PlusToken, (a, b) => a + b],
  [SyntaxKind.MinusToken, (a, b) => a - b],
  [SyntaxKind.AsteriskToken, (a, b) => a * b],
  [SyntaxKind.AsteriskAsteriskToken, (a, b) => a ** b],
  [SyntaxKind.BarToken, (a, b) => a | b],
  [SyntaxKind.AmpersandToken, (a, b) => a & b],
  [SyntaxKind.LessThanLessThanToken, (a, b) => a << b],
  [SyntaxKind.GreaterThanGreaterThanGreaterThanToken, (a, b) => a >>> b],
]);

/** The number an expression always has, or undefined. @param depth how far it was followed */
function numberOf(checker, expression, depth = 0) {
  if (expression === undefined || depth > 20) return undefined;
  const of = (other) => numberOf(checker, other, depth + 1);
  if (ts.isNumericLiteral(expression)) return Number(expression.text);
  if (ts.isParenthesizedExpression(expression)) return of(expression.expression);
  if (ts.isPrefixUnaryExpression(expression) && expression.operator === SyntaxKind.MinusToken) {
    const value = of(expression.operand);
    return value === undefined ? undefined : -value;
  }
  if (ts.isBinaryExpression(expression)) {
    const operator = OPERATORS.get(expression.operatorToken.kind);
    const left = operator && of(expression.left);
    const right = left === undefined ? undefined : of(expression.right);
    return right === undefined ? undefined : operator(left, right);
  }
  if (!ts.isIdentifier(expression) && !ts.isPropertyAccessExpression(expression)) return undefined;
  return of(constantOf(checker.getSymbolAtLocation(expression), checker));
}

/** The expression a constant was declared with: `const NAME = ...`, or a member of `const NAME = {...} as const`. */
function constantOf(symbol, checker) {
  const isAlias = symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0;
  const declaration = (isAlias ? checker.getAliasedSymbol(symbol) : symbol)?.valueDeclaration;
  if (declaration === undefined) return undefined;
  if (ts.isVariableDeclaration(declaration)) return isConst(declaration) ? declaration.initializer : undefined;
  if (!ts.isPropertyAssignment(declaration)) return undefined;
  const assertion = declaration.parent.parent;
  const fixed = ts.isAsExpression(assertion) && ts.isConstTypeReference(assertion.type);
  return fixed && ts.isVariableDeclaration(assertion.parent) ? declaration.initializer : undefined;
}

const isConst = (declaration) =>
  (declaration.parent.flags & ts.NodeFlags.Const) !== 0 && ts.isSourceFile(declaration.parent.parent.parent);

/** Whether an identifier is read as a value, not declared, exported, or the name of a member. */
function isRead(identifier) {
  const { parent } = identifier;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === identifier;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === identifier;
  if (ts.isVariableDeclaration(parent) || ts.isParameter(parent) || ts.isBindingElement(parent)) {
    return parent.initializer === identifier;
  }
  if (ts.isPropertyDeclaration(parent)) return parent.initializer === identifier;
  const isExpression = ts.isExpression(parent) || ts.isStatement(parent) || ts.isTemplateSpan(parent);
  return isExpression || ts.isComputedPropertyName(parent) || ts.isCaseClause(parent);
}

function numeral(factory, value, name) {
  const digits = factory.createNumericLiteral(Math.abs(value));
  const node = value < 0 ? factory.createParenthesizedExpression(factory.createPrefixMinus(digits)) : digits;
  return ts.addSyntheticTrailingComment(node, SyntaxKind.MultiLineCommentTrivia, ` ${name} `, false);
}

/** The constants that a file declares, as text. */
function constantsOf(checker, file) {
  const found = [];
  const note = (name, expression) => {
    const value = numberOf(checker, expression);
    if (value !== undefined) found.push(`${name} ${value}`);
  };
  for (const statement of file.statements) {
    for (const { name, initializer } of statement.declarationList?.declarations ?? []) {
      note(name.getText(file), initializer);
      if (initializer === undefined || !ts.isAsExpression(initializer)) continue;
      for (const member of initializer.expression.properties ?? []) {
        if (ts.isPropertyAssignment(member))
          note(`${name.getText(file)}.${member.name.getText(file)}`, member.initializer);
      }
    }
  }
  return found.join("\n");
}

/** Writes numbers for constants. @param compiled told each file, and the constants it declares */
const inlining = (program, compiled) => (context) => (file) => {
  const checker = program().getTypeChecker();
  const visit = (node) => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node;
    const named = ts.isIdentifier(node) ? isRead(node) : ts.isPropertyAccessExpression(node);
    const value = named ? numberOf(checker, node) : undefined;
    if (value !== undefined && Number.isFinite(value)) return numeral(context.factory, value, node.getText(file));
    return ts.visitEachChild(node, visit, context);
  };
  compiled(relative(root, file.fileName), constantsOf(checker, file));
  return ts.visitNode(file, visit);
};

/** Compiles what has changed, or everything. @returns the status, and the constants of each file that was compiled */
function compile(force) {
  const constants = {};
  let program;
  const create = (...args) => {
    const builder = ts.createEmitAndSemanticDiagnosticsBuilderProgram(...args);
    program = builder.getProgram();
    return builder;
  };
  const host = ts.createSolutionBuilderHost(ts.sys, create, ts.createDiagnosticReporter(ts.sys, true));
  const builder = ts.createSolutionBuilder(host, [root], { force });
  const note = (path, text) => {
    constants[path] = text;
  };
  const transformers = { before: [inlining(() => program, note)] };
  return { status: builder.build(undefined, undefined, undefined, () => transformers), constants };
}

// The compiler compiles anew what uses a changed type. A computed constant can change without its type.
const memory = join(root, "build/constants.json");
const known = existsSync(memory) ? JSON.parse(readFileSync(memory, "utf8")) : {};
let { status, constants } = compile(false);
const changed = Object.entries(constants).some(([path, text]) => path in known && known[path] !== text);
if (changed) ({ status, constants } = compile(true));
mkdirSync(dirname(memory), { recursive: true });
writeFileSync(memory, JSON.stringify({ ...known, ...constants }));
process.exitCode = status;
