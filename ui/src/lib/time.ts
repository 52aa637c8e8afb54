import { t } from '../strings';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' });
const dayMonth = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const dayMonthYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const full = new Intl.DateTimeFormat(undefined, {
  dateStyle: 'full',
  timeStyle: 'long',
});
const longDay = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

/** A past instant in the words of somebody who is standing at `now`. */
export function relativeTime(at: string, now: number): string {
  const then = Date.parse(at);
  if (Number.isNaN(then)) return at;
  const age = now - then;
  if (age < MINUTE_MS && age > -MINUTE_MS) return t.time.now;
  if (age < 0) return `${dayMonth.format(then)} ${clock.format(then)}`;
  if (age < HOUR_MS) return t.time.minutesAgo(Math.floor(age / MINUTE_MS));
  const days = daysBetween(then, now);
  if (days === 0) return clock.format(then);
  if (days === 1) return t.time.yesterday(clock.format(then));
  if (days < 7) return `${weekday.format(then)} ${clock.format(then)}`;
  return new Date(then).getFullYear() === new Date(now).getFullYear()
    ? dayMonth.format(then)
    : dayMonthYear.format(then);
}

/** The exact instant, in this device's zone. */
export function exactTime(at: string): string {
  const then = Date.parse(at);
  return Number.isNaN(then) ? at : full.format(then);
}

/** `YYYY-MM-DD` as a day in words. */
export function dayInWords(date: string): string {
  const noon = Date.parse(`${date}T12:00:00`);
  return Number.isNaN(noon) ? date : longDay.format(noon);
}

/** How long until `at`, as minutes and seconds; null once it has passed. */
export function countdown(at: string, now: number): string | null {
  const left = Date.parse(at) - now;
  if (!(left > 0)) return null;
  const seconds = Math.ceil(left / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function daysBetween(then: number, now: number): number {
  const start = new Date(then).setHours(0, 0, 0, 0);
  const end = new Date(now).setHours(0, 0, 0, 0);
  return Math.round((end - start) / DAY_MS);
}
