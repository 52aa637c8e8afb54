/** Eight characters are enough to compare two heads by eye. */
export function shortHash(hash: string): string {
  return hash.slice(0, 8);
}

/** A 5 by 5 mirrored pattern that belongs to a hash. */
export function identicon(hash: string): boolean[] {
  const bits = seed(hash);
  return Array.from({ length: 25 }, (_, cell) => {
    const row = Math.floor(cell / 5);
    const column = Math.min(cell % 5, 4 - (cell % 5));
    return ((bits >>> (row * 3 + column)) & 1) === 1;
  });
}

/** FNV-1a: spreads short and similar names over all the bits. */
function seed(hash: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < hash.length; i += 1) {
    value ^= hash.charCodeAt(i);
    value = Math.imul(value, 0x01000193) >>> 0;
  }
  return (value ^ (value >>> 15)) >>> 0;
}
