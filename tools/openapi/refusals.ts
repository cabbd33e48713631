import { PROBLEMS } from '@assay/contracts';
import type { ProblemCode } from '@assay/contracts';
import ts from 'typescript';
import { isOurs } from './program.js';

/** One way in which a route refuses: the code, and what the answer holds beside the problem's own members. */
export interface Refusal {
  code: ProblemCode;
  headers: string[];
  extensions: ts.Type | null;
}

const PROBLEM_FILE = '/libs/contracts/src/problem.ts';
/** Answered without an exception, and always with the time after which to come again. */
const REFUSAL_FILE = '/libs/service/src/refusal.ts';

type Body = ts.FunctionLikeDeclaration & { body: ts.Node };

/**
 * The problems that may be thrown, or answered, by a function or by anything that it calls, read from the calls themselves: a list
 * kept by hand beside each route was wrong as soon as a service below it changed. Calls through an interface are not
 * followed; the run of `npm run test:api` would show what that hides.
 */
export class Refusals {
  readonly #checker: ts.TypeChecker;

  constructor(program: ts.Program) {
    this.#checker = program.getTypeChecker();
  }

  of(roots: readonly ts.FunctionLikeDeclaration[]): Refusal[] {
    const found: Refusal[] = [];
    const seen = new Set<ts.Node>();
    const waiting: ts.Node[] = [...roots];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      if (/\/libs\/postgres\/src\/database\.ts$/.test(next.getSourceFile().fileName)) {
        found.push({ code: 'unavailable', headers: ['retry-after'], extensions: null });
      }
      this.#scan(next, found, waiting);
    }
    return merged(found);
  }

  #scan(node: ts.Node, found: Refusal[], waiting: ts.Node[]): void {
    if (ts.isNewExpression(node)) found.push(...this.#refusalsOf(node));
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      const called = this.#checker.getResolvedSignature(node)?.declaration;
      if (hasBody(called)) waiting.push(called);
      // `rows.map(decodeCursor)`: what is handed on is called, too.
      for (const argument of node.arguments ?? []) {
        if (!ts.isIdentifier(argument)) continue;
        const handed = this.#aliased(argument)?.valueDeclaration;
        if (handed && ts.isFunctionDeclaration(handed) && hasBody(handed)) waiting.push(handed);
      }
    }
    ts.forEachChild(node, (child) => this.#scan(child, found, waiting));
  }

  #aliased(node: ts.Identifier): ts.Symbol | undefined {
    const symbol = this.#checker.getSymbolAtLocation(node);
    return symbol && symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
  }

  #refusalsOf(node: ts.NewExpression): Refusal[] {
    const [code, options] = node.arguments ?? [];
    if (!code || !ts.isIdentifier(node.expression)) return [];
    const file = this.#aliased(node.expression)?.valueDeclaration?.getSourceFile().fileName ?? '';
    const is_refusal = file.endsWith(REFUSAL_FILE);
    if (!is_refusal && !file.endsWith(PROBLEM_FILE)) return [];
    const type = this.#checker.getTypeAtLocation(code);
    const codes = (type.isUnion() ? type.types : [type]).flatMap((one) => (one.isStringLiteral() ? [one.value] : []));
    const headers = is_refusal ? ['retry-after'] : this.#headersOf(options);
    const extensions = options && this.#member(options, 'extensions');
    return codes
      .filter((one): one is ProblemCode => one in PROBLEMS)
      .map((one) => ({
        code: one,
        headers,
        extensions: extensions && this.#checker.getPropertiesOfType(extensions).length > 0 ? extensions : null,
      }));
  }

  #headersOf(options: ts.Expression | undefined): string[] {
    const headers = options && this.#member(options, 'headers');
    return headers ? this.#checker.getPropertiesOfType(headers).map((property) => property.getName()) : [];
  }

  /** The member as it is written there, which says more than its declared type. */
  #member(options: ts.Expression, name: string): ts.Type | undefined {
    if (!ts.isObjectLiteralExpression(options)) return undefined;
    const member = options.properties.find((property) => property.name?.getText() === name);
    return member && ts.isPropertyAssignment(member) ? this.#checker.getTypeAtLocation(member.initializer) : undefined;
  }
}

function hasBody(node: ts.Node | undefined): node is Body {
  return Boolean(node && (node as Body).body && isOurs(node));
}

/** One of each code, in the order of the catalogue. */
function merged(found: readonly Refusal[]): Refusal[] {
  return (Object.keys(PROBLEMS) as ProblemCode[]).flatMap((code) => {
    const same = found.filter((refusal) => refusal.code === code);
    if (same.length === 0) return [];
    const headers = [...new Set(same.flatMap((refusal) => refusal.headers))].sort();
    // The one that says most: others of this code answer with less.
    const extensions = same.find((refusal) => refusal.extensions)?.extensions ?? null;
    return [{ code, headers, extensions }];
  });
}
