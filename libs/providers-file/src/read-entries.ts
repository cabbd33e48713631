import { pointerPart } from './faults.js';
import type { Faults } from './faults.js';
import type { ConnectionSecurity } from './connection-security.js';
import type { SecurityFile } from './file-shape.js';

/** Makes an entry's settings of it; null where what is wrong has been added to the faults. */
export type ReadEntry<F, T> = (faults: Faults, place: string, name: string, entry: F) => T | null;

/** Those entries of a list by name that are well formed. */
export function entries<F, T>(faults: Faults, place: string, all: Record<string, F> = {}, read: ReadEntry<F, T>): T[] {
  if (faults.at(place)) return [];
  return Object.entries(all).flatMap(([name, entry]) => {
    const at = `${place}/${pointerPart(name)}`;
    const found = faults.within(at) ? null : read(faults, at, name, entry);
    return found === null ? [] : [found];
  });
}

export function readSecurity(
  faults: Faults,
  place: string,
  { ca, client_certificate }: SecurityFile,
): ConnectionSecurity {
  const pem = (reference: string, at: string) => faults.secret(reference, `${place}/${at}`, pemText);
  const [cert, key] = client_certificate
    ? [pem(client_certificate.cert, 'client_certificate/cert'), pem(client_certificate.key, 'client_certificate/key')]
    : [null, null];
  return { ca: ca === undefined ? null : pem(ca, 'ca'), client_certificate: cert && key && { cert, key } };
}

/** Throws without repeating it. */
function pemText(text: string): void {
  if (!text.includes('-----BEGIN ')) throw new Error('must be PEM');
}
