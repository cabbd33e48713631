import { compileAllowList } from '@assay/review-engine';
import type { AllowList } from '@assay/review-engine';

/** The allow-list that this process judges by, and who last changed its file. */
export interface LoadedAllowList {
  list: AllowList;
  changed_by: string;
}

/**
 * Reads the allow-list's file (SEC-1, SEC-2): `{"changed_by": "who", "entries": ["//depot/project/...", …]}`.
 * Throws with a message that names every fault; a service does not start on a bad list.
 */
export function parseAllowListFile(text: string): LoadedAllowList {
  const document = parse(text);
  const { changed_by, entries, ...unknown } = document;
  const faults = Object.keys(unknown).map((name) => `"${name}" is not a member of the file`);
  if (typeof changed_by !== 'string' || changed_by.trim() === '') faults.push('"changed_by" must say who changed it');
  const list = compiled(entries, faults);
  if (list === null || faults.length > 0) throw new Error(faults.join('\n'));
  return { list, changed_by: changed_by as string };
}

function parse(text: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error('the depot allow-list is not JSON');
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new Error('the depot allow-list is not an object with "changed_by" and "entries"');
  }
  return document as Record<string, unknown>;
}

function compiled(entries: unknown, faults: string[]): AllowList | null {
  try {
    return compileAllowList(entries);
  } catch (error) {
    faults.push((error as Error).message);
    return null;
  }
}
