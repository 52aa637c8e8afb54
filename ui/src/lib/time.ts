const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Some locales part the hour from AM and PM by a narrow space that not every font has. */
const NARROW_SPACE = /\u202f/g;

export type Times = {
  /** A past instant in the words of somebody who is standing at `now`. */
  relative: (at: string, now: number) => string;
  /** The exact instant. */
  exact: (at: string) => string;
  /** The hour and minute. */
  clock: (at: string) => string;
  /** `YYYY-MM-DD` as a day in words. */
  day: (date: string) => string;
};

/** Dates and times of one locale, in this device's zone. */
export function times(locale: string | undefined): Times {
  const format = (options: Intl.DateTimeFormatOptions) => {
    const formatter = new Intl.DateTimeFormat(locale, options);
    return (then: number) => formatter.format(then).replace(NARROW_SPACE, ' ');
  };
  const clock = format({ timeStyle: 'short' });
  const weekday = format({ weekday: 'short' });
  const dayMonth = format({ day: 'numeric', month: 'short' });
  const dayMonthYear = format({ day: 'numeric', month: 'short', year: 'numeric' });
  const full = format({ dateStyle: 'full', timeStyle: 'long' });
  const longDay = format({ weekday: 'long', day: 'numeric', month: 'long' });
  const ago = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });

  function relative(at: string, now: number): string {
    const then = Date.parse(at);
    if (Number.isNaN(then)) return at;
    const age = now - then;
    if (age < MINUTE_MS && age > -MINUTE_MS) return ago.format(0, 'second');
    if (age < 0) return `${dayMonth(then)} ${clock(then)}`;
    if (age < HOUR_MS) return ago.format(-Math.floor(age / MINUTE_MS), 'minute');
    const days = daysBetween(then, now);
    if (days === 0) return clock(then);
    if (days === 1) return `${ago.format(-1, 'day')} ${clock(then)}`;
    if (days < 7) return `${weekday(then)} ${clock(then)}`;
    return new Date(then).getFullYear() === new Date(now).getFullYear() ? dayMonth(then) : dayMonthYear(then);
  }

  const parsed = (at: string, words: (then: number) => string, then = Date.parse(at)) => (Number.isNaN(then) ? at : words(then));
  return {
    relative,
    exact: (at) => parsed(at, full),
    clock: (at) => parsed(at, clock),
    day: (date) => parsed(date, longDay, Date.parse(`${date}T12:00:00`)),
  };
}

const own = times(supported(globalThis.navigator?.language));

export const relativeTime = own.relative;
export const exactTime = own.exact;
export const clockTime = own.clock;
export const dayInWords = own.day;

/** How long until `at`, as minutes and seconds; null once it has passed. */
export function countdown(at: string, now: number): string | null {
  const left = Date.parse(at) - now;
  if (!(left > 0)) return null;
  return spanOf(Math.ceil(left / 1000) * 1000);
}

/** How long something lasts: `1:05`. */
export function spanOf(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** A webview may name a locale that is none (`C`): then its default stands for all. */
function supported(locale: string | undefined): string | undefined {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(locale ?? [])[0];
  } catch {
    return undefined;
  }
}

function daysBetween(then: number, now: number): number {
  const start = new Date(then).setHours(0, 0, 0, 0);
  const end = new Date(now).setHours(0, 0, 0, 0);
  return Math.round((end - start) / DAY_MS);
}
