/** The table of aliases that ships (VAL-18): reviewers' usual words for those of the contract. A policy replaces it. */
export const DEFAULT_ALIASES = {
  severity: {
    blocker: 'critical',
    error: 'high',
    major: 'high',
    warning: 'medium',
    minor: 'low',
    note: 'low',
    information: 'info',
  },
  category: {
    bug: 'correctness',
    vulnerability: 'security',
    perf: 'performance',
    docs: 'maintainability',
    testing: 'test',
  },
} as const;
