import pg from 'pg';

const { builtins } = pg.types;

/**
 * `2026-11-23 22:15:34.1234+00` (ISO, UTC session) to RFC 3339 with milliseconds. Text in, text out: a Date in between
 * would cost an object per column and lose nothing less.
 */
export function instantFromText(value: string): string {
  const day = value.slice(0, 10);
  const time = value.slice(11, 19);
  const fraction = value.charAt(19) === '.' ? value.slice(20, value.indexOf('+', 20)) : '';
  return `${day}T${time}.${fraction.padEnd(3, '0').slice(0, 3)}Z`;
}

/** How columns come back: instants as RFC 3339 text, bigint and count() as numbers, the rest as pg does it. */
export const columnTypes: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (format !== 'binary') {
      if (oid === builtins.TIMESTAMPTZ) return instantFromText;
      if (oid === builtins.INT8) return Number;
    }
    return pg.types.getTypeParser(oid, format as 'text');
  }) as pg.CustomTypesConfig['getTypeParser'],
};
