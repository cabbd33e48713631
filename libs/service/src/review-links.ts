import { text } from './settings.js';

/** `/`: one gateway serves every service under the address that was called, so that a path is a link. */
const PUBLIC_URL = /^(?:\/|https?:\/\/[^\s?#]*[^\s?#/])$/;

/** Where people and clients reach the services that links lead to. */
export const LINK_SETTINGS = {
  ingest_public_url: text({
    env: 'ASSAY_INGEST_PUBLIC_URL',
    doc: 'Where callers reach ingest, for links to jobs: no slash at its end; `/` alone makes links paths, for one gateway before all services.',
    default: 'http://localhost:8080',
    pattern: PUBLIC_URL,
  }),
  validator_public_url: text({
    env: 'ASSAY_VALIDATOR_PUBLIC_URL',
    doc: 'Where callers reach the validator, for links to findings and diagnostics; as above.',
    default: 'http://localhost:8081',
    pattern: PUBLIC_URL,
  }),
};

export interface PublicUrls {
  ingest_public_url: string;
  validator_public_url: string;
}

export interface ReviewLinks {
  job: string;
  findings: string;
}

/** A job's links: each leads to the service that serves it (ING-8). */
export function reviewLinks(job_id: string, urls: PublicUrls): ReviewLinks {
  const path = `/v1/reviews/${job_id}`;
  return {
    job: `${baseOf(urls.ingest_public_url)}${path}`,
    findings: `${baseOf(urls.validator_public_url)}${path}/findings`,
  };
}

function baseOf(url: string): string {
  return url === '/' ? '' : url;
}
