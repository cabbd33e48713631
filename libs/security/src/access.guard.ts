import { Inject, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Problem } from '@assay/contracts';
import { PUBLIC_METADATA, ROLES_METADATA } from './access.js';
import type { AuthenticatedRequest, RouteAccess } from './access.js';
import { ApiKeyRing } from './api-keys.js';
import type { Principal, Role } from './api-keys.js';
import { notify } from './notices.js';

/** Authentication and roles for every HTTP route of a service (SEC-6); fails closed. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(ApiKeyRing) private readonly keys: ApiKeyRing,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    // Kafka handlers are no HTTP routes: who may write to a topic is the broker's to say (SEC-7).
    if (context.getType() !== 'http') return true;
    const declaredOn = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean>(PUBLIC_METADATA, declaredOn)) return true;

    const route = `${context.getClass().name}.${context.getHandler().name}`;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const roles = this.reflector.getAllAndOverride<Role[] | undefined>(ROLES_METADATA, declaredOn) ?? [];
    this.#admit(request, roles, route);
    return true;
  }

  /** The same judgement from the headers alone, before a body is read (ING-12). */
  judgeHeaders(request: AuthenticatedRequest, { roles, route }: RouteAccess): void {
    if (roles !== null) this.#admit(request, roles, route);
  }

  #admit(request: AuthenticatedRequest, roles: readonly Role[], route: string): void {
    const principal = request.principal ?? this.#authenticate(request, route);
    if (!roles.includes(principal.role)) {
      notify({ event: 'credential_refused', reason: 'role', route, key_id: principal.key_id });
      throw new Problem('forbidden');
    }
    request.principal = principal;
  }

  #authenticate(request: AuthenticatedRequest, route: string): Principal {
    const header = request.headers.authorization;
    const [, key] = /^Bearer +(\S+)$/i.exec(typeof header === 'string' ? header : '') ?? [];
    const answer = key === undefined ? null : this.keys.authenticate(key);
    if (answer?.kind === 'known') return answer.principal;
    notify({
      event: 'credential_refused',
      reason: answer?.kind ?? 'missing',
      route,
      ...(answer?.kind === 'expired' ? { key_id: answer.key_id } : {}),
    });
    // One answer for unknown and expired keys: which keys once existed is nobody's business.
    throw new Problem('unauthenticated', { headers: { 'www-authenticate': 'Bearer' } });
  }
}
