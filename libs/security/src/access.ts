import { createParamDecorator, SetMetadata } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { Principal, Role } from './api-keys.js';

export const ROLES_METADATA = 'assay:roles';
export const PUBLIC_METADATA = 'assay:public';

/** A request as far as this library cares; the guard puts the principal on it. */
export interface AuthenticatedRequest {
  headers: Record<string, string | string[] | undefined>;
  principal?: Principal;
}

/** What a route asks of its caller, where Fastify finds it before it reads a body (ING-12). */
export interface RouteAccess {
  /** Null: anybody. */
  roles: readonly Role[] | null;
  /** As `NotesController.list`. */
  route: string;
}

/** The roles that a route (or a whole controller) admits. A route with neither this nor {@link Public} is closed. */
export const Roles = (first: Role, ...more: Role[]) => declared(ROLES_METADATA, [first, ...more], [first, ...more]);

/** No credential is asked for: health, metrics, published schemas. */
export const Public = () => declared(PUBLIC_METADATA, true, null);

function declared(key: string, value: unknown, roles: RouteAccess['roles']): ClassDecorator & MethodDecorator {
  const own = SetMetadata(key, value);
  const expose = (controller: { name: string }, name: PropertyKey, handler: object) => {
    const access: RouteAccess = { roles, route: `${controller.name}.${String(name)}` };
    RouteConfig({ access })(handler as never);
    exposed.add(handler);
  };
  return (target: object, name?: PropertyKey, descriptor?: PropertyDescriptor) => {
    if (name !== undefined && descriptor !== undefined) {
      own(target, name as string, descriptor);
      expose(target.constructor, name, descriptor.value as object);
      return;
    }
    const controller = target as { name: string; prototype: object };
    own(target as never);
    for (const [method, { value: handler }] of Object.entries(Object.getOwnPropertyDescriptors(controller.prototype))) {
      if (typeof handler === 'function' && method !== 'constructor' && !exposed.has(handler as object)) {
        expose(controller, method, handler as object);
      }
    }
  };
}

/** Handlers that have said by themselves what they ask; their controller's word is for the others. */
const exposed = new WeakSet<object>();

/** The caller, as the guard knows it. */
export const CurrentPrincipal = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (!principal) throw new Error('a route asks for its caller without declaring a role');
  return principal;
});

/** Whether a principal may see what belongs to a source; where not, it is answered as if it were not there (404). */
export function maySee(principal: Principal, source: string): boolean {
  return principal.sources === '*' || principal.sources.includes(source);
}
