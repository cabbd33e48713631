import { pathToFileURL } from 'node:url';
import type { OwnProvider, ProviderModule, ProviderTools } from '@assay/provider';
import { isSecretReference, resolveSecret } from '@assay/security';
import type { SecretSource } from '@assay/security';
import { faultAt, ProvidersFileError } from './faults.js';
import type { FaultCode, ProvidersFault } from './faults.js';
import type { OwnProviderSettings } from './own.settings.js';

/** A provider of the installation's own, made by its module and found to keep to the interface. */
export interface LoadedProvider {
  channel: OwnProviderSettings['channel'];
  provider: OwnProvider;
  /** Ends it, and the watching of its secrets. */
  close(): Promise<void>;
}

/**
 * Loads all of them. Throws one {@link ProvidersFileError} with what is wrong with each, by its place in the file; those
 * that were made are ended then.
 */
export async function loadOwnProviders(
  own: readonly OwnProviderSettings[],
  send_timeout_ms: number,
  env: NodeJS.ProcessEnv = process.env,
): Promise<LoadedProvider[]> {
  const faults: ProvidersFault[] = [];
  const loaded: LoadedProvider[] = [];
  for (const entry of own) {
    try {
      loaded.push(await load(entry, send_timeout_ms, env));
    } catch (error) {
      const code = error instanceof SecretFault ? error.code : 'module_refused';
      faults.push(faultAt(code, `/own/${entry.channel}`, (error as Error).message));
    }
  }
  if (faults.length === 0) return loaded;
  await Promise.allSettled(loaded.map((each) => each.close()));
  throw new ProvidersFileError(faults);
}

/** What the module asked for by `tools.secret` and could not get: the file's fault, or the place's, and not the module's. */
class SecretFault extends Error {
  constructor(
    readonly code: FaultCode,
    cause: unknown,
  ) {
    super((cause as Error).message, { cause });
  }
}

/** What a setting holds that is not there, or no text, is no reference either. */
function secretOf(given: unknown, env: NodeJS.ProcessEnv): SecretSource {
  const reference = typeof given === 'string' ? given : '';
  try {
    return resolveSecret(reference, env);
  } catch (error) {
    throw new SecretFault(isSecretReference(reference) ? 'secret_missing' : 'not_a_reference', error);
  }
}

async function load(
  entry: OwnProviderSettings,
  send_timeout_ms: number,
  env: NodeJS.ProcessEnv,
): Promise<LoadedProvider> {
  const { channel, module, settings } = entry;
  const { default: made } = (await import(pathToFileURL(module).href)) as { default?: ProviderModule };
  if (typeof made?.create !== 'function') throw new Error(`${module} has no default export with create()`);
  const secrets: { close(): void }[] = [];
  const secret: ProviderTools['secret'] = (reference) => {
    const source = secretOf(reference, env);
    secrets.push(source);
    return { current: () => source.current().reveal() };
  };
  const closeSecrets = (): void => secrets.forEach((each) => each.close());
  try {
    const provider = checked(await made.create(settings, { send_timeout_ms, secret }));
    const close = async (): Promise<void> => {
      closeSecrets();
      await provider.close?.();
    };
    return { channel, provider, close };
  } catch (error) {
    closeSecrets();
    throw error;
  }
}

/** Throws where it does not keep to the interface. */
function checked(own: OwnProvider): OwnProvider {
  for (const method of ['destinationOf', 'render', 'send', 'classify'] as const) {
    if (typeof own?.[method] !== 'function') throw new Error(`create() gave no provider: ${method} is no function`);
  }
  const { capabilities } = own;
  if (typeof capabilities !== 'object') throw new Error('create() gave no provider: it has no capabilities');
  if ((capabilities.lookup !== null) !== (own.lookup !== undefined)) {
    throw new Error('capabilities.lookup and lookup() come together');
  }
  if (capabilities.ambiguous_policy === 'resend' && !capabilities.idempotent) {
    throw new Error('only an idempotent receiver may be sent the same again (ambiguous_policy)');
  }
  return own;
}
