import { COMMAND_RULES } from './command-rules.js';
import { CONNECTION_RULES } from './connection-rules.js';
import { HTTP_RULES } from './http-rules.js';
import { TOKEN_RULES } from './known-tokens.js';
import { NAMED_RULES } from './named-rules.js';
import type { RedactionRule } from './rule.js';

/**
 * Every form of secrets (SEC-4), in this order: what shows more of its surroundings first. A rule leaves what an
 * earlier one has put there.
 */
export const RULES: readonly RedactionRule[] = [
  ...CONNECTION_RULES,
  ...HTTP_RULES,
  ...NAMED_RULES,
  ...COMMAND_RULES,
  ...TOKEN_RULES,
];
