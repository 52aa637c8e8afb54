import type { Note } from '../backend/types';
import { t } from '../strings';

const LOOKED_AT_CHARS = 400;

/** The beginning of a note for a list: its words, without the marks of headings, quotes, lists and links. */
export function preview(text: string): string {
  return text
    .slice(0, LOOKED_AT_CHARS)
    .replace(/^\s*(?:#{1,6}|>|[-*+]|\d+\.)\s+/gm, '')
    .replace(/\[([^\]\n]+)\]\([^)\s]+\)/g, '$1')
    .replace(/(\*\*|__|`{1,3})/g, '')
    .replace(/(^|[\s(])([*_])(\S(?:[^*_\n]*\S)?)\2(?=[\s).,;:!?]|$)/gm, '$1$3')
    .replace(/\s+/g, ' ')
    .trim();
}

/** What a note is called in a list: its words, or else what it carries. */
export function titleOf(note: Note): string {
  const [first] = note.attachments;
  const carried = first?.media.startsWith('audio/') ? t.notes.voice : first?.name;
  return preview(note.text) || carried || t.notes.untitled;
}
