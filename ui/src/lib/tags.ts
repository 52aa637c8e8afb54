const TAG = /(?:^|[\s(])#([\p{L}\p{N}_/-]*\p{L}[\p{L}\p{N}_/-]*)/gu;

/** The `#tags` written in a text, in order, each once. */
export function tagsIn(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(TAG), (match) => match[1] ?? ''))];
}

/** What a person typed into a tags field, as tags. */
export function parseTags(field: string): string[] {
  const words = field.split(/[\s,]+/).map((word) => word.replace(/^#+/, ''));
  return [...new Set(words.filter((word) => word !== ''))];
}
