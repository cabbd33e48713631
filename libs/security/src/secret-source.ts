import { Secret } from './secret.js';
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

/** One way of keeping secrets. One more is one class with one entry in {@link PROVIDERS}. */
export interface SecretProvider {
  readonly scheme: string;
  /** Shape of the reference, for messages. */
  readonly shape: string;
  /** Throws, naming the reference and never the value, where there is no such secret, or `check` refuses it. */
  resolve(name: string, env: NodeJS.ProcessEnv, check: SecretCheck): SecretSource;
}

class EnvironmentSecrets implements SecretProvider {
  readonly scheme = 'env';
  readonly shape = 'env:NAME';

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

/** Editors and `kubectl create secret` leave a newline at the end, which is no part of the secret. */
function secretFrom(content: Buffer, check: SecretCheck): Secret {
  const value = content.toString('utf8').replace(/\r?\n$/, '');
  if (value === '') throw new Error('the file is empty');
  check(value);
  return new Secret(value);
}

const PROVIDERS: readonly SecretProvider[] = [new EnvironmentSecrets(), new FileSecrets()];

/** A secret that is known already and never changes. */
export function fixedSecret(value: string): SecretSource {
  const secret = new Secret(value);
  return { current: () => secret, onChange: () => () => undefined, close: () => undefined };
}

/** Whether the text has the form of a reference, wherever it leads. */
export function isSecretReference(text: string): boolean {
  const colon = text.indexOf(':');
  return colon > 0 && colon < text.length - 1 && PROVIDERS.some(({ scheme }) => scheme === text.slice(0, colon));
}

/**
 * Resolves `env:NAME` or `file:/path` (SEC-3). Throws where the reference is malformed or leads nowhere, or where the value
 * does not pass `check`; a file that changes to one which does not keeps its last good value (SEC-5).
 */
export function resolveSecret(
  reference: string,
  env: NodeJS.ProcessEnv = process.env,
  check: SecretCheck = () => undefined,
): SecretSource {
  const colon = reference.indexOf(':');
  const provider = PROVIDERS.find(({ scheme }) => scheme === reference.slice(0, Math.max(colon, 0)));
  const name = reference.slice(colon + 1);
  if (!provider || name === '') {
    // The text may be a secret put here by mistake: it is not repeated.
    throw new Error(`a reference to a secret is expected: ${PROVIDERS.map(({ shape }) => shape).join(' or ')}`);
  }
  return provider.resolve(name, env, check);
}
