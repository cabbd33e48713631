import { createParamDecorator, SetMetadata } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { Principal, Role } from './api-keys.js';

export const ROLES_METADATA = 'assay:roles';
export const PUBLIC_METADATA = 'assay:public';

/** A request as far as this library cares; the guard puts the principal on it. */
export interface AuthenticatedRequest {
  headers: Record<string, string | string[] | undefined>;
  principal?: Principal;
}

/** The roles that a route (or a whole controller) admits. A route with neither this nor {@link Public} is closed. */
export const Roles = (first: Role, ...more: Role[]) => SetMetadata(ROLES_METADATA, [first, ...more]);

/** No credential is asked for: health, metrics, published schemas. */
export const Public = () => SetMetadata(PUBLIC_METADATA, true);

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
