import {
  HEADERS_METADATA,
  HTTP_CODE_METADATA,
  METHOD_METADATA,
  PATH_METADATA,
  ROUTE_ARGS_METADATA,
} from '@nestjs/common/constants.js';
import { RequestMethod } from '@nestjs/common';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { Role } from '@assay/security';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { REPOSITORY } from '../repository.js';

// The metadata keys of libs/security and libs/service, which are no part of their public faces.
const ROLES = 'assay:roles';
const PUBLIC = 'assay:public';
const BODY_SCHEMA = 'assay:body-schema';

type Class = abstract new (...args: never[]) => object;

/** What `@BodySchema` declares for a body that a handler judges by itself. */
export interface DeclaredBody {
  shape: Class | null;
  also: Record<string, unknown>;
}

/** A route as its decorators tell it. */
export interface Route {
  /** Source of the controller, from the repository's root. */
  file: string;
  controller: string;
  handler: string;
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** `/v1/reviews/{id}`. */
  path: string;
  /** Null: everyone. */
  roles: readonly Role[] | null;
  /** Of the decorators: `@HttpCode`, else 201 for POST and 200 for the rest. */
  status: number;
  content_type: string | null;
  body: { shape: Class | null; declared: DeclaredBody | null } | null;
  query: Class | null;
  headers: string[];
}

/** Every route of a service's own port: those of its controllers. */
export async function routesOf(service: string): Promise<Route[]> {
  const folder = join('apps', service, 'src');
  const names = readdirSync(join(REPOSITORY, folder), { recursive: true }) as string[];
  const files = names.filter((name) => name.endsWith('.controller.ts')).map((name) => join(folder, name));
  const routes: Route[] = [];
  // One after the other: Jest's loader of ES modules stumbles over imports at the same time that share a module.
  for (const file of files.sort()) routes.push(...(await routesIn(file)));
  return routes;
}

/** From the build, or from the sources where those run (tests). */
async function routesIn(file: string): Promise<Route[]> {
  const path = import.meta.filename.endsWith('.ts')
    ? join(REPOSITORY, file)
    : join(REPOSITORY, 'dist', file.replace(/ts$/, 'js'));
  const exports = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  const controllers = Object.values(exports).filter(
    (value): value is Class => typeof value === 'function' && Reflect.hasMetadata(PATH_METADATA, value),
  );
  return controllers.flatMap((controller) => routesOfController(file, controller));
}

function routesOfController(file: string, controller: Class): Route[] {
  const prototype = controller.prototype as Record<string, unknown>;
  return Object.getOwnPropertyNames(prototype).flatMap((handler) => {
    const method = prototype[handler];
    if (handler === 'constructor' || typeof method !== 'function' || !Reflect.hasMetadata(METHOD_METADATA, method)) {
      return [];
    }
    return [routeOf({ file, controller, handler, method })];
  });
}

interface Handler {
  file: string;
  controller: Class;
  handler: string;
  method: object;
}

function routeOf(found: Handler): Route {
  const { file, controller, handler, method } = found;
  const verb = RequestMethod[Reflect.getMetadata(METHOD_METADATA, method) as number]!.toLowerCase() as Route['method'];
  const headers = (Reflect.getMetadata(HEADERS_METADATA, method) ?? []) as { name: string; value: string }[];
  const isPublic = Boolean(onEither<boolean>(PUBLIC, found));
  return {
    ...{ file, controller: controller.name, handler, method: verb, path: pathOf(found) },
    roles: isPublic ? null : (onEither<Role[]>(ROLES, found) ?? []),
    status: (Reflect.getMetadata(HTTP_CODE_METADATA, method) as number | undefined) ?? (verb === 'post' ? 201 : 200),
    content_type: headers.find(({ name }) => name.toLowerCase() === 'content-type')?.value ?? null,
    ...parametersOf(found),
  };
}

/** The handler's own word counts before its controller's, as in the guard. */
function onEither<T>(key: string, { method, controller }: Handler): T | undefined {
  return (Reflect.getMetadata(key, method) ?? Reflect.getMetadata(key, controller)) as T | undefined;
}

function pathOf({ controller, method }: Handler): string {
  const parts = [controller, method].map((on) => Reflect.getMetadata(PATH_METADATA, on) as string);
  const segments = parts.flatMap((part) => part.split('/')).filter(Boolean);
  return `/${segments.map((segment) => segment.replace(/^:(.+)$/, '{$1}')).join('/')}`;
}

function parametersOf({ controller, handler, method }: Handler): Pick<Route, 'body' | 'query' | 'headers'> {
  const args = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, handler) ?? {}) as Record<
    string,
    { index: number; data?: string }
  >;
  const types = (Reflect.getMetadata('design:paramtypes', controller.prototype, handler) ?? []) as Class[];
  const declared = (Reflect.getMetadata(BODY_SCHEMA, method) ?? null) as DeclaredBody | null;
  const found: Pick<Route, 'body' | 'query' | 'headers'> = { body: null, query: null, headers: [] };
  for (const [key, { index, data }] of Object.entries(args)) {
    const kind = Number(key.split(':')[0]);
    const type = types[index]!;
    if (kind === RouteParamtypes.QUERY) found.query = type;
    if (kind === RouteParamtypes.HEADERS && data) found.headers.push(data);
    if (kind === RouteParamtypes.BODY) found.body = { shape: type.name === 'JsonBody' ? null : type, declared };
  }
  return found;
}
