import { Secret, secretWithoutNewline } from './secret.js';
import type { VaultConfig } from './vault/vault-config.js';
import { VaultSecrets } from './vault/vault-secrets.js';
import type { SecretAge } from './vault/vault-secrets.js';
import { WatchedFile } from './watched-file.js';

/** A secret by reference (SEC-3): ask for `current()` at each use, so that a rotated value is used (SEC-5). */
export interface SecretSource {
  current(): Secret;
  /** Called when the value has changed; not by sources that cannot change. Returns the function that ends it. */
  onChange(listener: () => void): () => void;
  /** Looks for changes no more: the last value stands. */
  close(): void;
}

/** Throws where a value cannot be used, without repeating it. */
export type SecretCheck = (value: string) => unknown;

export interface PrepareOptions {
  /** For how long what may be there soon is waited for: not at all. */
  wait_ms?: number;
}

/** One way of keeping secrets. One more is one class with one entry in {@link PROVIDERS}. */
export interface SecretProvider {
  readonly scheme: string;
  /** Shape of the reference, for messages. */
  readonly shape: string;
  /** What may stand after the scheme and its colon. */
  readonly form: RegExp;
  /**
   * Fetches what these references lead to, where that takes time, so that {@link resolve} finds it. Does not throw for what
   * it cannot fetch: `resolve` does.
   */
  prepare?(names: readonly string[], options: PrepareOptions): Promise<void>;
  /** Throws, naming the reference and never the value, where there is no such secret, or `check` refuses it. */
  resolve(name: string, env: NodeJS.ProcessEnv, check: SecretCheck): SecretSource;
}

class EnvironmentSecrets implements SecretProvider {
  readonly scheme = 'env';
  readonly shape = 'env:NAME';
  readonly form = /./;

  resolve(name: string, env: NodeJS.ProcessEnv, check: SecretCheck): SecretSource {
    const value = env[name];
    if (value === undefined || value === '') throw new Error(`env:${name}: the environment has no ${name}`);
    check(value);
    return fixedSecret(value);
  }
}

class FileSecrets implements SecretProvider {
  readonly scheme = 'file';
  readonly shape = 'file:/path';
  readonly form = /./;

  resolve(path: string, _env: NodeJS.ProcessEnv, check: SecretCheck): SecretSource {
    const parse = (content: Buffer): Secret => secretFrom(content, check);
    try {
      const file = new WatchedFile({ path, what: 'secret', parse });
      return {
        current: () => file.current(),
        onChange: (listener) => file.onChange(() => listener()),
        close: () => file.close(),
      };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      throw new Error(`file:${path}: ${code ?? (error as Error).message}`, { cause: error });
    }
  }
}

function secretFrom(content: Buffer, check: SecretCheck): Secret {
  const secret = secretWithoutNewline(content.toString('utf8'));
  if (secret === null) throw new Error('the file is empty');
  check(secret.reveal());
  return secret;
}

const VAULT = new VaultSecrets();
const PROVIDERS: readonly SecretProvider[] = [new EnvironmentSecrets(), new FileSecrets(), VAULT];

/** The forms of a reference, for people. */
export const SECRET_SHAPES: readonly string[] = PROVIDERS.map(({ shape }) => shape);

/** A secret that is known already and never changes. */
export function fixedSecret(value: string): SecretSource {
  const secret = new Secret(value);
  return { current: () => secret, onChange: () => () => undefined, close: () => undefined };
}

/** The vault that `vault:` references lead to from now on; null for none. Ends what was read from the one before. */
export function useVault(config: VaultConfig | null): Promise<void> {
  return VAULT.use(config);
}

/** For how long the vault has given nothing new of each of its secrets that is in use. */
export function vaultSecretAges(): SecretAge[] {
  return VAULT.ages();
}

/** Whether the text has the form of a reference, wherever it leads. */
export function isSecretReference(text: string): boolean {
  return providerOf(text) !== null;
}

/**
 * Fetches what references lead to that cannot be resolved at once (`vault:`). To be called with every reference that is to
 * be resolved next; never throws, for {@link resolveSecret} tells what could not be had.
 */
export async function prepareSecrets(references: readonly string[], options: PrepareOptions = {}): Promise<void> {
  const found = references.map(providerOf).filter((each) => each !== null);
  for (const provider of PROVIDERS) {
    const names = found.filter((each) => each.provider === provider).map(({ name }) => name);
    if (names.length > 0) await provider.prepare?.(names, options);
  }
}

/**
 * Resolves `env:NAME`, `file:/path` or `vault:mount/path#key` (SEC-3), the last once {@link prepareSecrets} has fetched it.
 * Throws where the reference is malformed or leads nowhere, or where the value does not pass `check`; one that changes to a
 * value which does not keeps its last good one (SEC-5).
 */
export function resolveSecret(
  reference: string,
  env: NodeJS.ProcessEnv = process.env,
  check: SecretCheck = () => undefined,
): SecretSource {
  const found = providerOf(reference);
  // The text may be a secret put here by mistake: it is not repeated.
  if (!found) throw new Error(`a reference to a secret is expected: ${SECRET_SHAPES.join(' or ')}`);
  return found.provider.resolve(found.name, env, check);
}

function providerOf(reference: string): { provider: SecretProvider; name: string } | null {
  const colon = reference.indexOf(':');
  const name = reference.slice(colon + 1);
  const provider = PROVIDERS.find(({ scheme }) => scheme === reference.slice(0, Math.max(colon, 0)));
  return provider?.form.test(name) ? { provider, name } : null;
}
