/** What a person writes: not blank, and storable, for Postgres takes no NUL in a text. */
export const WRITTEN_TEXT = /^(?=[^]*\S)[^\0]*$/;
