import { pointerToken } from './engine/diagnostics.js';

/** What is wrong with a setting of a policy. */
export interface PolicyFault {
  /** JSON Pointer (RFC 6901) into the policy as it was given; null where a contract is at fault. */
  pointer: string | null;
  detail: string;
}

export class PolicyError extends Error {
  constructor(readonly faults: readonly PolicyFault[]) {
    super(`the review policy cannot be used: ${faults.map(policyFaultText).join('; ')}`);
    this.name = 'PolicyError';
  }
}

export function policyFaultText({ pointer, detail }: PolicyFault): string {
  return pointer === null ? detail : `${pointer === '' ? 'the policy' : pointer} ${detail}`;
}

/** Says what is wrong with the setting at a path; null where a contract is at fault. */
export type Report = (path: readonly (string | number)[] | null, detail: string) => void;

/** Names in a policy can be of any length, and come back to whoever sent it. */
const TOKEN_CHARACTERS = 128;

export function reportTo(faults: PolicyFault[]): Report {
  return (path, detail) => {
    const tokens = path?.map((name) => `/${pointerToken(String(name).slice(0, TOKEN_CHARACTERS))}`);
    faults.push({ pointer: tokens?.join('') ?? null, detail });
  };
}
