import { pathToFileURL } from 'node:url';
import type { ProviderModule } from '@assay/provider';
import { resolveSecret } from '@assay/security';
import { ForeignProvider } from './own.provider.js';
import type { OwnProviderSettings } from './own.settings.js';

/** Loads and makes a provider of the installation's own; what goes wrong bears the entry's place in the file. */
export async function loadOwnProvider(entry: OwnProviderSettings, send_timeout_ms: number): Promise<ForeignProvider> {
  const { channel, module, settings } = entry;
  try {
    const { default: made } = (await import(pathToFileURL(module).href)) as { default?: ProviderModule };
    if (typeof made?.create !== 'function') throw new Error(`${module} has no default export with create()`);
    const secret = (reference: string) => {
      const source = resolveSecret(reference);
      return { current: () => source.current().reveal() };
    };
    return new ForeignProvider(channel, await made.create(settings, { send_timeout_ms, secret }));
  } catch (error) {
    throw new Error(`/own/${channel}: ${(error as Error).message}`, { cause: error });
  }
}
