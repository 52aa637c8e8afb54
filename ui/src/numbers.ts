const plural = new Intl.PluralRules('en');
export const number = new Intl.NumberFormat('en');

/** `1 note`, `3 notes`. */
export function count(n: number, one: string, other: string): string {
  return `${number.format(n)} ${plural.select(n) === 'one' ? one : other}`;
}
