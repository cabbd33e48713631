import { STATUS_CODES } from 'node:http';
import { PROBLEMS } from '@assay/contracts';
import type { ProblemCode } from '@assay/contracts';
import { Handlers } from './handlers.js';
import type { HandlerFacts } from './handlers.js';
import { ProblemAnswers } from './problem-answers.js';
import { classNamed } from './program.js';
import type { Refusal } from './refusals.js';
import type { Route } from './routes.js';
import { shapeSchema } from './shape-schemas.js';
import { TypeSchemas } from './type-schemas.js';
import type { Schema } from './type-schemas.js';
import type ts from 'typescript';

export interface DocumentParts {
  service: string;
  version: string;
  routes: readonly Route[];
  program: ts.Program;
}

/** A service's OpenAPI 3.1 document. */
export function openApiDocument({ service, version, routes, program }: DocumentParts): Schema {
  const types = new TypeSchemas(program.getTypeChecker());
  types.schemaOf(problemDetailsType(program));
  const problems = new ProblemAnswers(types);
  const handlers = new Handlers(program, types);
  const paths: Record<string, Record<string, Schema>> = {};
  for (const route of [...routes].sort(byPath)) {
    paths[route.path] ??= {};
    paths[route.path]![route.method] = operationOf(route, handlers.factsOf(route), problems);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: `Assay: ${service}`,
      version,
      description:
        'Made by `npm run generate` from the code. Refusals are problem documents (RFC 9457) whose `code` is stable. Clients must ignore members that they do not know. The names under `security` are the roles of which a key needs one.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: { api_key: { type: 'http', scheme: 'bearer', description: 'A key; it has one role.' } },
      responses: sorted(problems.components),
      schemas: sorted(types.components),
    },
  };
}

function sorted(components: Record<string, Schema>): Record<string, Schema> {
  return Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function problemDetailsType(program: ts.Program): ts.Type {
  const problem = classNamed(program, 'Problem').getSourceFile();
  const exports = program.getTypeChecker().getExportsOfModule(program.getTypeChecker().getSymbolAtLocation(problem)!);
  return program.getTypeChecker().getDeclaredTypeOfSymbol(exports.find((one) => one.getName() === 'ProblemDetails')!);
}

function byPath(a: Route, b: Route): number {
  const [one, other] = [a, b].map(({ path, method }) => `${path} ${method}`) as [string, string];
  return one < other ? -1 : 1;
}

function operationOf(route: Route, facts: HandlerFacts, problems: ProblemAnswers): Schema {
  const { doc } = facts;
  if (doc === null) {
    throw new Error(`${route.file}: ${route.controller}.${route.handler} needs a doc comment: the route's summary`);
  }
  const [summary] = /^.*?[.](?=\s|$)/.exec(doc) ?? [doc];
  return {
    operationId: `${route.controller.replace(/Controller$/, '')}.${route.handler}`.replace(/^./, (letter) =>
      letter.toLowerCase(),
    ),
    summary,
    ...(summary !== doc && { description: doc }),
    security: route.roles === null ? [] : route.roles.map((role) => ({ api_key: [role] })),
    ...parametersOf(route, facts),
    ...bodyOf(route, facts),
    responses: { ...answersOf(route, facts), ...problems.answersOf(refusalsOf(route, facts)) },
  };
}

/** Those that no code of ours throws: Fastify's, and whatever fails unforeseen. */
function refusalsOf({ body }: Route, { refusals }: HandlerFacts): Refusal[] {
  const codes: ProblemCode[] = [
    'internal_error',
    ...(body ? (['payload_too_large', 'unsupported_media_type'] as const) : []),
  ];
  const others = codes.filter((code) => !refusals.some((refusal) => refusal.code === code));
  const all = [...refusals, ...others.map((code) => ({ code, headers: [], extensions: null }))];
  const order = Object.keys(PROBLEMS);
  return all.sort((a, b) => order.indexOf(a.code) - order.indexOf(b.code));
}

function parametersOf(route: Route, { member_docs }: HandlerFacts): Schema {
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    ...{ name, in: 'path', required: true, schema: { type: 'string', minLength: 1 } },
  }));
  const query = route.query ? shapeSchema(route.query) : null;
  const inQuery = Object.entries(query?.properties ?? {}).map(([name, schema]) => ({
    ...{ name, in: 'query', required: query!.required?.includes(name) ?? false, schema },
    ...(member_docs[name] && { description: member_docs[name] }),
  }));
  const inHeaders = route.headers.map((name) => ({ name, in: 'header', required: false, schema: { type: 'string' } }));
  const parameters = [...inPath, ...inQuery, ...inHeaders];
  return parameters.length > 0 ? { parameters } : {};
}

function bodyOf({ body, controller, handler }: Route, { member_docs }: HandlerFacts): Schema {
  if (!body) return {};
  const { shape, declared } = body;
  if (!shape && !declared)
    throw new Error(`${controller}.${handler} takes a JsonBody: say with @BodySchema what it is`);
  const schema = shape ? shapeSchema(shape) : shapeSchema(declared!.shape, declared!.also);
  for (const [name, member] of Object.entries(schema.properties)) {
    if (member_docs[name]) member['description'] = member_docs[name];
  }
  return { requestBody: { required: true, content: { 'application/json': { schema } } } };
}

function answersOf(route: Route, { statuses, answer, headers }: HandlerFacts): Record<string, Schema> {
  const type = route.content_type ?? (answer['type'] === 'string' ? 'text/plain' : 'application/json');
  const named = Object.fromEntries(headers.map((name) => [name, { schema: { type: 'string' } }]));
  const answers = [...new Set([route.status, ...statuses])].sort().map((status) => [
    String(status),
    {
      description: STATUS_CODES[status],
      ...(headers.length > 0 && { headers: named }),
      content: { [type.split(';')[0]!]: { schema: answer } },
    },
  ]);
  return Object.fromEntries(answers) as Record<string, Schema>;
}
