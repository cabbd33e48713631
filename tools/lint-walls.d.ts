import type { ESLint, Linter } from 'eslint';

/** Room, name and the path within: `libs/postgres/src/a.ts` is `libs`, `postgres`, `src/a.ts`. */
export interface Part {
  room: string;
  name: string;
  rest: string;
}

export interface Wall {
  reason: string;
  /** `to` is null for a package that is not ours. */
  broken(from: Part, to: Part | null, specifier: string): boolean;
}

export const WALLS: Record<
  | 'imports-point-down'
  | 'apps-stay-apart'
  | 'testing-only-from-tests'
  | 'contracts-and-engine-stand-alone'
  | 'in-through-index'
  | 'kafka-behind-its-port',
  Wall
>;
export const walls: ESLint.Plugin;
export const wallRules: Linter.RulesRecord;
