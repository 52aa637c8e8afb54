import type { DiffSpan, HitSpan } from '../types';

/** A stand-in hash: 64 hexadecimal characters that follow from the name. */
export function fakeHash(name: string): string {
  let hex = '';
  for (let part = 0; part < 8; part += 1) {
    let value = 0x811c9dc5 ^ Math.imul(part + 1, 0x9e3779b1);
    for (let i = 0; i < name.length; i += 1) value = Math.imul(value ^ name.charCodeAt(i), 0x01000193);
    value = Math.imul(value ^ (value >>> 13), 0x5bd1e995);
    hex += ((value ^ (value >>> 15)) >>> 0).toString(16).padStart(8, '0');
  }
  return hex;
}

/** `after` against `before`, word by word (longest common subsequence). */
export function wordDiff(before: string, after: string): DiffSpan[] {
  const a = before.match(/\s+|\S+/g) ?? [];
  const b = after.match(/\s+|\S+/g) ?? [];
  const lengths = a.map(() => new Array<number>(b.length + 1).fill(0));
  lengths.push(new Array<number>(b.length + 1).fill(0));
  const at = (i: number, j: number) => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    const row = lengths[i] ?? [];
    for (let j = b.length - 1; j >= 0; j -= 1) {
      row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const spans: DiffSpan[] = [];
  const push = (change: DiffSpan['change'], text: string) => {
    const last = spans.at(-1);
    if (last?.change === change) last.text += text;
    else spans.push({ change, text });
  };
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      push('same', a[i] ?? '');
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      push('removed', a[i] ?? '');
      i += 1;
    } else {
      push('added', b[j] ?? '');
      j += 1;
    }
  }
  return spans;
}

/** The text around the first match, in pieces; null when a word of the query is missing. */
export function matchSpans(text: string, query: string): HitSpan[] | null {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const lower = text.toLowerCase();
  if (words.some((word) => !lower.includes(word))) return null;
  const first = Math.min(...words.map((word) => lower.indexOf(word)));
  const start = Math.max(0, first - 40);
  const piece = text.slice(start, start + 180);
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const spans = piece
    .split(new RegExp(`(${escaped.join('|')})`, 'gi'))
    .map((part, index) => ({ text: part, matched: index % 2 === 1 }))
    .filter((span) => span.text !== '');
  if (start > 0) spans.unshift({ text: '\u2026', matched: false });
  return spans;
}
