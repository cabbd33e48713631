/**
 * Loaded before anything else (`node --import …/shifted-clock.js?ahead_ms=-3600000`): every way of asking this process
 * for the time of day is off by so much. The monotonic clock stays as it is, as it would on such a host.
 */
const ahead_ms = Number(new URL(import.meta.url).searchParams.get('ahead_ms'));
const HostDate = Date;

globalThis.Date = class ShiftedDate extends HostDate {
  constructor(...parts: unknown[]) {
    super(...((parts.length === 0 ? [HostDate.now() + ahead_ms] : parts) as [number]));
  }

  static override now(): number {
    return HostDate.now() + ahead_ms;
  }
} as unknown as DateConstructor;
