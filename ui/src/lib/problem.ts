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

/** A hint as a sentence, in pieces: what stands in backticks is typed as it is. */
export function hintPieces(hint: string): { text: string; code: boolean }[] {
  const sentence = hint.charAt(0).toUpperCase() + hint.slice(1) + (/[.?!]$/.test(hint) ? '' : '.');
  return sentence
    .split('`')
    .map((text, at) => ({ text, code: at % 2 === 1 }))
    .filter((piece) => piece.text !== '');
}
