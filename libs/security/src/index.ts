export { CurrentPrincipal, maySee, Public, Roles } from './access.js';
export type { AuthenticatedRequest, RouteAccess } from './access.js';
export { AccessGuard } from './access.guard.js';
export { actorOf, ApiKeyRing, newApiKey, parseApiKeys, ROLES, sourcesOf } from './api-keys.js';
export type { Authentication, Principal, Role } from './api-keys.js';
export { ArtefactCipher, parseArtefactKeys } from './artefact-cipher.js';
export type { Sealed } from './artefact-cipher.js';
export { errorChain } from './error-chain.js';
export { ForbiddenAddressError, guardedLookup, isForbiddenAddress } from './forbidden-address.js';
export { maskedAddress } from './masked-address.js';
export { notify as announceSecurityNotice, onSecurityNotice } from './notices.js';
export type { SecurityNotice } from './notices.js';
export { redact, redactValue } from './redact.js';
export type { RedactionPolicy } from './redact.js';
export {
  fixedSecret,
  isSecretReference,
  prepareSecrets,
  resolveSecret,
  SECRET_SHAPES,
  useVault,
  vaultSecretAges,
} from './secret-source.js';
export type { PrepareOptions, SecretCheck, SecretProvider, SecretSource } from './secret-source.js';
export { Secret } from './secret.js';
export { SecurityModule } from './security.module.js';
export type { SecurityModuleOptions } from './security.module.js';
export type { VaultAuth, VaultConfig } from './vault/vault-config.js';
export type { SecretAge } from './vault/vault-secrets.js';
export { WatchedFile } from './watched-file.js';
export type { WatchedFileOptions } from './watched-file.js';
