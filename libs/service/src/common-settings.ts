import { BODY_LIMIT_BYTES } from '@assay/contracts';
import { LOG_LEVELS } from '@assay/observability';
import { hostname } from 'node:os';
import { file } from './file-settings.js';
import { durationMs, integer, oneOf, ratio, text } from './settings.js';
import { VAULT_SETTINGS } from './vault-settings.js';

/** What every process of Assay reads, commands included. */
export const PROCESS_SETTINGS = {
  instance: text({
    env: 'ASSAY_INSTANCE',
    doc: 'Name of this replica in logs, leases and metrics; must differ between replicas.',
    default: `${hostname()}-${process.pid}`,
    pattern: /^[A-Za-z0-9._-]{1,100}$/,
  }),
  log_level: oneOf({
    env: 'ASSAY_LOG_LEVEL',
    doc: 'The least level that is written.',
    values: LOG_LEVELS,
    default: 'info',
  }),
  traces: oneOf({
    env: 'ASSAY_TRACES',
    doc: 'Where spans go: nowhere (trace ids travel all the same) or to an OTLP/HTTP collector.',
    values: ['none', 'otlp'],
    default: 'none',
  }),
  traces_otlp_url: text({
    env: 'ASSAY_TRACES_OTLP_URL',
    doc: 'The collector: `http://host:4318/v1/traces`.',
    default: null,
    pattern: /^https?:\/\//,
  }),
  traces_sample_ratio: ratio({
    env: 'ASSAY_TRACES_SAMPLE_RATIO',
    doc: 'Share of new traces that are recorded; what a caller decided is kept.',
    default: 0.1,
  }),
  ...VAULT_SETTINGS,
};

/** What a service with an HTTP face reads beside its own settings. */
export const HTTP_SETTINGS = {
  ...PROCESS_SETTINGS,
  http_host: text({ env: 'ASSAY_HTTP_HOST', doc: 'Address to listen on.', default: '0.0.0.0' }),
  http_port: integer({
    env: 'ASSAY_HTTP_PORT',
    doc: 'Port to listen on; 0 takes a free one and logs it.',
    default: 8080,
    max: 65_535,
  }),
  probe_host: text({
    env: 'ASSAY_PROBE_HOST',
    doc: 'Address to answer `/livez`, `/readyz` and `/metrics` on (SEC-9); that of `ASSAY_HTTP_HOST` where it is left out.',
    default: null,
  }),
  probe_port: integer({
    env: 'ASSAY_PROBE_PORT',
    doc: 'Port of `/livez`, `/readyz` and `/metrics`, which no ingress should lead to; the one above `ASSAY_HTTP_PORT` where it is left out, and a free one where that is 0.',
    default: null,
    max: 65_535,
  }),
  http_body_limit_bytes: integer({
    env: 'ASSAY_HTTP_BODY_LIMIT_BYTES',
    doc: 'A larger request body is refused with 413.',
    default: BODY_LIMIT_BYTES,
    min: 1024,
    max: 64 * 1024 * 1024,
  }),
  http_bodies_in_flight_bytes: integer({
    env: 'ASSAY_HTTP_BODIES_IN_FLIGHT_BYTES',
    doc: 'Request bodies that may be under way at once, by the length that they declare. Half of it for one source (429), all of it for all (503); one body of each is always read.',
    default: 128 * 1024 * 1024,
    min: 1024 * 1024,
  }),
  http_rate_per_s: integer({
    env: 'ASSAY_HTTP_RATE_PER_S',
    doc: 'Requests of one source a second at this replica, whatever the route; what comes above is answered 429 (ING-12). A key of another role counts for itself.',
    default: 100,
    min: 1,
  }),
  http_rate_burst: integer({
    env: 'ASSAY_HTTP_RATE_BURST',
    doc: 'Requests of one source that may come at once; after that `ASSAY_HTTP_RATE_PER_S` holds.',
    default: 200,
    min: 1,
  }),
  http_concurrency: integer({
    env: 'ASSAY_HTTP_CONCURRENCY',
    doc: 'Requests of one source that this replica may have under way, those that wait (`wait_s`) included; what comes above is answered 429.',
    default: 1_000,
    min: 1,
  }),
  api_keys_file: file({
    env: 'ASSAY_API_KEYS_FILE',
    doc: 'The callers: `{"keys": [{"id", "sha256", "role", "sources", "expires_at"}]}`. Read again when it changes.',
  }),
  shutdown_grace_ms: durationMs({
    env: 'ASSAY_SHUTDOWN_GRACE_MS',
    doc: 'A shutdown that takes longer ends the process the hard way; work items survive that.',
    default: 10_000,
    min: 100,
    max: 300_000,
  }),
};
