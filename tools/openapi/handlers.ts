import ts from 'typescript';
import { classNamed, docOf, functionNamed, methodNamed } from './program.js';
import { Refusals } from './refusals.js';
import type { Refusal } from './refusals.js';
import type { Route } from './routes.js';
import type { Schema, TypeSchemas } from './type-schemas.js';

/** What the source of a route's handler tells beside its decorators. */
export interface HandlerFacts {
  doc: string | null;
  answer: Schema;
  /** Those that the handler chooses by `reply.status(…)`, beside the decorators' one. */
  statuses: number[];
  /** Of the answer, in lower case. */
  headers: string[];
  refusals: Refusal[];
  /** Docs of the members of the shapes that the handler takes. */
  member_docs: Record<string, string | null>;
}

export class Handlers {
  readonly #checker: ts.TypeChecker;
  readonly #refusals: Refusals;

  constructor(
    private readonly program: ts.Program,
    private readonly types: TypeSchemas,
  ) {
    this.#checker = program.getTypeChecker();
    this.#refusals = new Refusals(program);
  }

  factsOf(route: Route): HandlerFacts {
    const controller = classNamed(this.program, route.controller, route.file);
    const method = methodNamed(controller, route.handler);
    const signature = this.#checker.getSignatureFromDeclaration(method)!;
    const returned = this.#checker.getReturnTypeOfSignature(signature);
    return {
      doc: docOf(this.#checker.getSymbolAtLocation(method.name), this.#checker),
      answer: this.types.schemaOf(this.#checker.getAwaitedType(returned) ?? returned),
      statuses: this.#statusesIn(method),
      headers: this.#headersIn(method),
      refusals: this.#refusals.of([method, ...this.#before(route)]),
      member_docs: this.#memberDocs(method, route),
    };
  }

  /** What may refuse a request before the handler sees it. */
  #before({ roles, body, query }: Route): ts.FunctionLikeDeclaration[] {
    const judged = Boolean(query) || Boolean(body?.shape);
    return [
      ...(roles
        ? [
            methodNamed(classNamed(this.program, 'AccessGuard'), 'canActivate'),
            functionNamed(this.program, 'refused', 'libs/service/src/caller-limits.ts'),
          ]
        : []),
      ...(judged ? [functionNamed(this.program, 'validateShape', 'libs/service/src/shape.pipe.ts')] : []),
      ...(body
        ? [
            functionNamed(this.program, 'requireBody', 'libs/service/src/shape.pipe.ts'),
            functionNamed(this.program, 'acceptJsonBodies', 'libs/service/src/json-body.ts'),
            functionNamed(this.program, 'refused', 'libs/service/src/bodies-in-flight.ts'),
          ]
        : []),
    ];
  }

  /** `reply.status(report.ok ? 200 : 503)`: by the argument's type. */
  #statusesIn(method: ts.MethodDeclaration): number[] {
    const types = this.#callsOnReply('status', method).map(([argument]) => this.#checker.getTypeAtLocation(argument!));
    const single = types.flatMap((type) => (type.isUnion() ? type.types : [type]));
    return single.flatMap((type) => (type.isNumberLiteral() ? [type.value] : []));
  }

  #headersIn(method: ts.MethodDeclaration): string[] {
    const names = this.#callsOnReply('header', method).map(([name]) => name);
    return [...new Set(names.flatMap((name) => (name && ts.isStringLiteral(name) ? [name.text] : [])))].sort();
  }

  /** In the handler and in whatever functions of its own file it calls. */
  #callsOnReply(name: 'status' | 'header', handler: ts.FunctionLikeDeclaration): ts.NodeArray<ts.Expression>[] {
    const found: ts.NodeArray<ts.Expression>[] = [];
    const scanned = new Set<ts.Node>();
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node)) {
        const { expression } = node;
        if (ts.isPropertyAccessExpression(expression) && expression.name.text === name) found.push(node.arguments);
        const called = this.#checker.getResolvedSignature(node)?.declaration;
        if (called?.getSourceFile() === handler.getSourceFile()) scan(called);
      }
      ts.forEachChild(node, visit);
    };
    const scan = (node: ts.Node): void => {
      if (scanned.has(node)) return;
      scanned.add(node);
      visit(node);
    };
    scan(handler);
    return found;
  }

  #memberDocs(method: ts.MethodDeclaration, { query, body }: Route): Record<string, string | null> {
    const shapes = [query?.name, body?.shape?.name];
    const types = method.parameters.map((parameter) => this.#checker.getTypeAtLocation(parameter));
    const members = types
      .filter((type) => shapes.includes(type.getSymbol()?.getName()))
      .flatMap((type) => this.#checker.getPropertiesOfType(type));
    return Object.fromEntries(members.map((member) => [member.getName(), docOf(member, this.#checker)]));
  }
}
