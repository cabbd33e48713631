/** What a finding's closed fields may say, worst or surest first (CON-2); readers keep another word as text (OPS-5). */
export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const CONFIDENCES = ['high', 'medium', 'low'] as const;
export type Confidence = (typeof CONFIDENCES)[number];

export const CATEGORIES = [
  'correctness',
  'security',
  'performance',
  'reliability',
  'maintainability',
  'style',
  'test',
] as const;
export type Category = (typeof CATEGORIES)[number];
