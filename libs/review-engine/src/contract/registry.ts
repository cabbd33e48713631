import { compileContract, type Contract } from './contract.js';
import { REVIEW_RESULT_1_0 } from './review-result-1.0.js';
import { REVIEW_RESULT_1_1 } from './review-result-1.1.js';

/** How a registered version stands (VER-6). */
export type VersionStatus =
  | { status: 'current' }
  | { status: 'supported' }
  /** Still exact; `date` (RFC 3339 date) says until when it is promised. */
  | { status: 'sunset'; date: string }
  /** Exact for these sources, `compatible_minor` for all others (VER-8). */
  | { status: 'preview'; sources: readonly string[] };

export interface RegisteredVersion {
  /** MAJOR.MINOR. */
  version: string;
  /** JSON Schema 2020-12 of the canonical form. */
  schema: object;
  /** How it stands unless the policy says otherwise. */
  standing: VersionStatus;
}

/** Every contract version there is. One more is one schema file and one entry here, and fixtures (CON-4). */
export const REGISTERED_VERSIONS: readonly RegisteredVersion[] = [
  { version: '1.0', schema: REVIEW_RESULT_1_0, standing: { status: 'supported' } },
  { version: '1.1', schema: REVIEW_RESULT_1_1, standing: { status: 'current' } },
];

const compiled = new WeakMap<object, Contract>();

/** The version's schema, compiled once. @throws when the schema uses a keyword that the engine does not know. */
export function contractOf(version: RegisteredVersion): Contract {
  let contract = compiled.get(version.schema);
  if (contract === undefined) {
    contract = compileContract(version.version, version.schema);
    compiled.set(version.schema, contract);
  }
  return contract;
}

/** The schema as published at `/v1/schemas/review-result/{version}`; null when there is none. */
export function publishedSchema(version: string): object | null {
  return REGISTERED_VERSIONS.find((entry) => entry.version === version)?.schema ?? null;
}
