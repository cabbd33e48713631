import { AllowListError, compileAllowList, type AllowList } from './allow-list.js';

/** The allow-list that a process judges by, and who last changed its file (SEC-2). */
export interface AllowListFile {
  list: AllowList;
  changed_by: string;
}

/**
 * Reads the allow-list's file (SEC-1, SEC-2): `{"changed_by": "who", "entries": ["//depot/project/...", …]}`.
 *
 * @throws Error with every fault, one a line; a service does not start on a bad list.
 */
export function readAllowListFile(text: string): AllowListFile {
  const { changed_by, entries, ...unknown } = parse(text);
  const faults = Object.keys(unknown).map((name) => `${JSON.stringify(name)} is not a member of the file`);
  if (typeof changed_by !== 'string' || changed_by.trim() === '') faults.push('"changed_by" must say who changed it');
  try {
    const list = compileAllowList(entries);
    if (faults.length === 0) return { list, changed_by: changed_by as string };
  } catch (error) {
    faults.push(...(error as AllowListError).faults);
  }
  throw new AllowListError(faults);
}

function parse(text: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new AllowListError(['the file is not JSON']);
  }
  if (typeof document === 'object' && document !== null && !Array.isArray(document)) {
    return document as Record<string, unknown>;
  }
  throw new AllowListError(['the file is not an object with "changed_by" and "entries"']);
}
