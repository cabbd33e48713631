import fc from 'fast-check';

/** Any code point, half pairs too. fast-check's own `binary` makes a table of all of them first, which takes seconds. */
export const anyCharacter = fc.integer({ min: 0, max: 0x10_ff_ff }).map((point) => String.fromCodePoint(point));
