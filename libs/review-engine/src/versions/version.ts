const NUMBER = '(0|[1-9][0-9]{0,8})';
const SCHEMA_VERSION = new RegExp(`^${NUMBER}\\.${NUMBER}$`);
const PROMPT_VERSION = new RegExp(`^${NUMBER}\\.${NUMBER}(?:\\.${NUMBER})?$`);

/** MAJOR.MINOR, no leading zeros, at most nine digits each; null for anything else. */
export function parseSchemaVersion(text: string): readonly [number, number] | null {
  const match = SCHEMA_VERSION.exec(text);
  return match === null ? null : [Number(match[1]), Number(match[2])];
}

/** MAJOR.MINOR or MAJOR.MINOR.PATCH; a missing third segment reads as 0 (VER-4). */
export function parsePromptVersion(text: string): readonly [number, number, number] | null {
  const match = PROMPT_VERSION.exec(text);
  return match === null ? null : [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}
