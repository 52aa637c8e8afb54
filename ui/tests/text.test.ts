import { expect, test } from 'vitest';
import { defaultDeviceName } from '../src/lib/device-name';
import { preview } from '../src/lib/preview';
import { hintPieces } from '../src/lib/problem';
import { tagsIn } from '../src/lib/tags';
import { countdown, times } from '../src/lib/time';

test.each<[string, string[]]>([
  ['buy oil #home #Home/attic', ['home', 'Home/attic']],
  ['# heading and issue #12', []],
  ['mail a#b, (#aside) #\u05e9\u05dc\u05d5\u05dd', ['aside', '\u05e9\u05dc\u05d5\u05dd']],
])('the tags in %j', (text, tags) => {
  expect(tagsIn(text)).toEqual(tags);
});

test('a list shows words, not marks', () => {
  expect(preview('*A Philosophy*, _again_ and **loud**, 2 * 3 * 4 snake_case_word')).toBe('A Philosophy, again and loud, 2 * 3 * 4 snake_case_word');
  expect(preview('# Reading\n\n- [Local-first](https://example.org/x)\n> **quiet**')).toBe('Reading Local-first quiet');
});

test.each([
  ['en-GB', ['now', '4 min ago', '08:00', 'yesterday 22:00', 'Mon 10:00']],
  ['en-US', ['now', '4 min. ago', '8:00 AM', 'yesterday 10:00 PM', 'Mon 10:00 AM']],
  ['de-DE', ['jetzt', 'vor 4 Min.', '08:00', 'gestern 22:00', 'Mo 10:00']],
])('times in %s are said from where one stands, all in that one language', (locale, words) => {
  const now = new Date(2026, 2, 12, 10, 0).getTime();
  const ago = [5000, 4 * 60_000, 2 * 3_600_000, 12 * 3_600_000, 3 * 86_400_000];
  const { relative } = times(locale);
  expect(ago.map((ms) => relative(new Date(now - ms).toISOString(), now))).toEqual(words);
});

test('a time with another zone is said in the zone of this device', () => {
  const noon = new Date(2026, 2, 12, 12, 0).getTime();
  const elsewhere = new Date(noon + 5.5 * 3_600_000).toISOString().replace('Z', '+05:30');
  expect(times('en-GB').clock(elsewhere)).toBe('12:00');
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

test('a hint is shown as a sentence, with what is to be typed set apart', () => {
  expect(hintPieces('copy it, or make one with `mirror invite`')).toEqual([
    { text: 'Copy it, or make one with ', code: false },
    { text: 'mirror invite', code: true },
    { text: '.', code: false },
  ]);
  expect(hintPieces('Try again.')).toEqual([{ text: 'Try again.', code: false }]);
});
