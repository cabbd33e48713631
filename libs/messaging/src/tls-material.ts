import { createLog } from '@assay/observability';
import type { SecretSource } from '@assay/security';
import { createSecureContext } from 'node:tls';
import type { ConnectionOptions, SecureContext } from 'node:tls';
import type { KafkaAccessConfig } from './access-settings.js';

const log = createLog('kafka.tls', ['files_refused']);

/**
 * What a client trusts and shows, read again for each connection. A certificate and its key change as two files: while
 * they do not belong together, the last that did serve on.
 */
export class TlsMaterial {
  readonly #sources: readonly (SecretSource | null)[];
  readonly #server_name: string | null;
  #read: (string | undefined)[] = [];
  #context: SecureContext | undefined;

  constructor(config: Partial<KafkaAccessConfig>) {
    const { kafka_tls_ca = null, kafka_tls_certificate = null, kafka_tls_key = null } = config;
    this.#sources = [kafka_tls_ca, kafka_tls_certificate, kafka_tls_key];
    this.#server_name = config.kafka_tls_server_name ?? null;
  }

  options(): ConnectionOptions {
    return {
      secureContext: this.#current(),
      ...(this.#server_name !== null && { servername: this.#server_name }),
    };
  }

  #current(): SecureContext {
    const read = this.#sources.map((source) => source?.current().reveal());
    if (this.#context && read.every((value, index) => value === this.#read[index])) return this.#context;
    const [ca, cert, key] = read;
    try {
      this.#context = createSecureContext({ ca, cert, key });
    } catch (error) {
      if (!this.#context) throw error;
      log.warn('files_refused', {}, error);
    }
    this.#read = read;
    return this.#context;
  }
}
