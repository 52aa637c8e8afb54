import { expect, test } from 'vitest';
import { defaultDeviceName } from '../src/lib/device-name';
import { preview } from '../src/lib/preview';
import { tagsIn } from '../src/lib/tags';
import { countdown, relativeTime } from '../src/lib/time';

test.each<[string, string[]]>([
  ['buy oil #home #Home/attic', ['home', 'Home/attic']],
  ['# heading and issue #12', []],
  ['mail a#b, (#aside) #\u05e9\u05dc\u05d5\u05dd', ['aside', '\u05e9\u05dc\u05d5\u05dd']],
])('the tags in %j', (text, tags) => {
  expect(tagsIn(text)).toEqual(tags);
});

test('a list shows words, not marks', () => {
  expect(preview('# Reading\n\n- [Local-first](https://example.org/x)\n> **quiet**')).toBe('Reading Local-first quiet');
});

test('times are said from where one stands', () => {
  const now = new Date(2026, 2, 12, 10, 0).getTime();
  const at = (ms: number) => new Date(now - ms).toISOString();
  expect(relativeTime(at(5000), now)).toBe('just now');
  expect(relativeTime(at(4 * 60_000), now)).toBe('4 min ago');
  expect(relativeTime(at(2 * 3_600_000), now)).toBe('08:00');
  expect(relativeTime(at(12 * 3_600_000), now)).toBe('yesterday 22:00');
});

test('a ticket counts down and then has expired', () => {
  const expires = '2026-03-12T10:10:00Z';
  expect(countdown(expires, Date.parse('2026-03-12T10:08:55Z'))).toBe('1:05');
  expect(countdown(expires, Date.parse(expires))).toBeNull();
});

test.each([
  ['Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UQ1A) AppleWebKit/537.36', 'Pixel 8'],
  ['Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36', 'Phone'],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)', 'Mac'],
  ['Mozilla/5.0 (X11; Linux x86_64)', 'Computer'],
])('a device that calls itself %s', (agent, name) => {
  expect(defaultDeviceName(agent)).toBe(name);
});
