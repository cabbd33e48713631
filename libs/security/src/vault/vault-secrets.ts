import { setTimeout as pause } from 'node:timers/promises';
import { notify } from '../notices.js';
import type { PrepareOptions, SecretCheck, SecretProvider, SecretSource } from '../secret-source.js';
import { growingWaitMs } from './growing-wait.js';
import type { VaultClient } from './vault-client.js';
import type { VaultConfig } from './vault-config.js';
import { VaultFault } from './vault-fault.js';
import { readVaultReference, VAULT_REFERENCE } from './vault-reference.js';
import { unreadable, VaultSource } from './vault-source.js';
import type { VaultReading } from './vault-source.js';

const NO_VAULT = new VaultFault('missing', 'there is no vault to ask; set ASSAY_VAULT_ADDRESS and ASSAY_VAULT_AUTH');
const NOT_ASKED = new VaultFault(
  'missing',
  'nothing asked the vault for it beforehand: a reference must stand in a setting or in the providers file',
);

/** Age of a secret in use, by its reference. */
export interface SecretAge {
  reference: string;
  age_s: number;
}

/**
 * `vault:mount/path#key` (SEC-3). What is resolved must have been read by {@link prepare}, since a vault answers later; from
 * then on each secret in use is looked at again and again, and what changes reaches its users (SEC-5).
 */
export class VaultSecrets implements SecretProvider {
  readonly scheme = 'vault';
  readonly shape = 'vault:mount/path#key';
  readonly form = VAULT_REFERENCE;
  readonly #sources = new Set<VaultSource>();
  #config: VaultConfig | null = null;
  #client: Promise<VaultClient> | null = null;
  #prepared = new Map<string, VaultReading>();
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;

  /** The vault to ask from now on; null for none. Sources that were made before keep their last values. */
  async use(config: VaultConfig | null): Promise<void> {
    const client = this.#client;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sources.clear();
    this.#prepared.clear();
    this.#config = config;
    this.#client = null;
    this.#failures = 0;
    await (await client)?.close();
  }

  /** Reads what these references lead to. Never throws: `resolve` does, for those that could not be read. */
  async prepare(names: readonly string[], { wait_ms = 0 }: PrepareOptions): Promise<void> {
    if (this.#config === null) return;
    const paths = new Set(names.map((name) => readVaultReference(name).api_path));
    const until_ms = performance.now() + wait_ms;
    for (let attempt = 1; ; attempt += 1) {
      this.#prepared = await this.#readAll(paths);
      const left_ms = until_ms - performance.now();
      const passing = [...this.#prepared.values()].some(({ outcome }) => faultIn(outcome)?.passing);
      if (!passing || left_ms <= 0) return;
      await pause(Math.min(growingWaitMs(attempt, wait_ms), left_ms));
    }
  }

  resolve(name: string, _env: NodeJS.ProcessEnv, check: SecretCheck): SecretSource {
    const [reference, at] = [`${this.scheme}:${name}`, readVaultReference(name)];
    const reading = this.#prepared.get(at.api_path);
    if (!reading) throw unreadable(reference, this.#config === null ? NO_VAULT : NOT_ASKED);
    const source = new VaultSource(reference, at, reading, check, (closed) => this.#forget(closed));
    this.#sources.add(source);
    this.#lookAgain();
    return source;
  }

  /** Of every secret in use; of several users of one reference the one that has waited longest. */
  ages(): SecretAge[] {
    const oldest = new Map<string, number>();
    for (const { reference, age_s } of this.#sources) {
      oldest.set(reference, Math.max(age_s, oldest.get(reference) ?? 0));
    }
    return [...oldest].map(([reference, age_s]) => ({ reference, age_s }));
  }

  #forget(source: VaultSource): void {
    this.#sources.delete(source);
    if (this.#sources.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** While the vault is away the waits grow up to the usual one, which is spread by a tenth. */
  #lookAgain(): void {
    if (this.#timer || !this.#config || this.#sources.size === 0) return;
    const { poll_ms } = this.#config;
    const wait_ms = this.#failures > 0 ? growingWaitMs(this.#failures, poll_ms) : poll_ms * (0.9 + Math.random() * 0.2);
    const timer = setTimeout(() => {
      void this.#look().finally(() => {
        // Another vault, or no secret in use any more, has ended this one.
        if (this.#timer !== timer) return;
        this.#timer = undefined;
        this.#lookAgain();
      });
    }, wait_ms);
    this.#timer = timer.unref();
  }

  async #look(): Promise<void> {
    const client = this.#client;
    const readings = await this.#readAll(new Set([...this.#sources].map(({ at }) => at.api_path)));
    if (client !== this.#client) return;
    const lost = [...readings.values()].map(({ outcome }) => faultIn(outcome)).find((fault) => fault?.concernsAll);
    if (lost) {
      if (this.#failures === 0) notify({ event: 'vault_lost', error: lost });
      this.#failures += 1;
    } else {
      if (this.#failures > 0) notify({ event: 'vault_regained' });
      this.#failures = 0;
    }
    for (const source of [...this.#sources]) {
      const reading = readings.get(source.at.api_path);
      if (reading && !faultIn(reading.outcome)?.concernsAll) source.take(reading);
    }
  }

  /** One after the other; what every other would meet as well is not asked again. */
  async #readAll(paths: ReadonlySet<string>): Promise<Map<string, VaultReading>> {
    const readings = new Map<string, VaultReading>();
    let lost: VaultFault | null = null;
    for (const path of paths) {
      const outcome: VaultReading['outcome'] = lost ?? (await this.#read(path));
      if (outcome instanceof VaultFault && outcome.concernsAll) lost = outcome;
      readings.set(path, { outcome, at_ms: performance.now() });
    }
    return readings;
  }

  async #read(path: string): Promise<VaultReading['outcome']> {
    try {
      return await (await this.#clientOf()).read(path);
    } catch (error) {
      if (error instanceof VaultFault) return error;
      throw error;
    }
  }

  /** Loaded where a vault is used alone: it brings an HTTP client with it. */
  #clientOf(): Promise<VaultClient> {
    const config = this.#config;
    if (config === null) return Promise.reject(NO_VAULT);
    this.#client ??= import('./vault-client.js').then(({ VaultClient: Client }) => new Client(config));
    return this.#client;
  }
}

function faultIn(outcome: VaultReading['outcome']): VaultFault | null {
  return outcome instanceof VaultFault ? outcome : null;
}
