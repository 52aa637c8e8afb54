import type { Problem } from '../backend/types';

/** Whatever was thrown, as a `Problem`. */
export function asProblem(thrown: unknown): Problem {
  if (isProblem(thrown)) return thrown;
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'io', detail, hint: '' };
}

function isProblem(thrown: unknown): thrown is Problem {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown && 'detail' in thrown && 'hint' in thrown;
}
