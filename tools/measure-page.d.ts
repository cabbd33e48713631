/**
 * Runs in a page. How wide it and its screen are, in CSS pixels, and the beginnings of texts whose contrast to what lies
 * behind them is below `least`, as WCAG 2 counts it.
 */
export function measure(least: number): { width: number; screen: number; faint: string[] };
