import { HTTP_SETTINGS } from '@assay/service';
import type { TestSystemOptions } from '@assay/testing';

const { http_rate_per_s, http_rate_burst, http_concurrency } = HTTP_SETTINGS;

/** On a machine with other work a commit may take seconds, and who is fair is not the slower for it: nobody is answered 503. */
export const PATIENT = { ASSAY_ACCEPT_TIMEOUT_MS: '30000' };

/** What a source may ask of a replica (ING-12.a), which the stack of a test does not limit by itself; without numbers the defaults. */
export function limitedTo(rate_per_s = http_rate_per_s.default!, burst = http_rate_burst.default!) {
  const all = {
    [http_rate_per_s.env]: String(rate_per_s),
    [http_rate_burst.env]: String(burst),
    [http_concurrency.env]: String(http_concurrency.default),
  };
  return { all, ingest: PATIENT } satisfies TestSystemOptions['tuning'];
}
