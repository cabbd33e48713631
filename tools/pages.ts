/** A file of the repository that is made from others. */
export interface Page {
  /** From the repository's root. */
  path: string;
  build: () => string | Promise<string>;
}
