import type { Code, NoteState, Phase, Role, SyncState } from './backend/types';

export const states: Record<SyncState, string> = {
  synced: 'In step',
  behind: 'Has notes for this device',
  ahead: 'Waits for notes from here',
  conflict: 'Notes need you',
  stale: 'Not heard from today',
  offline: 'Out of reach',
  unknown: 'Not met yet',
  revoked: 'Removed from the mesh',
  forked: 'Has two histories',
};

export const stateFacts: Record<SyncState, string> = {
  synced: 'At the last contact both had the same head, and neither has moved since.',
  behind: 'It is known to hold events that are not here.',
  ahead: 'There are events here that it has not acknowledged.',
  conflict: 'Notes wait for a person to choose.',
  stale: 'It was in step when last heard of, more than a day ago.',
  offline: 'The last attempt to reach it failed.',
  unknown: 'This device has never spoken to it.',
  revoked: 'Nothing new from it is taken.',
  forked: 'Two branches of one of its chains exist.',
};

export const roles: Record<Role, string> = {
  anchor: 'Anchor: admits and removes devices',
  node: 'Node: reads and writes everything',
  capture: 'Phone: captures, reads and reconciles',
};

export const phases: Record<Phase, string> = {
  connecting: 'Connecting',
  comparing: 'Comparing',
  exchanging: 'Exchanging',
  committing: 'Agreeing',
  done: 'In step',
  failed: 'Did not finish',
  cancelled: 'Stopped',
};

export const noteStates: Record<NoteState, string> = {
  current: 'Current',
  conflict: 'Two versions',
  archived: 'Archived',
};

export const problems: Record<Code, string> = {
  not_initialised: 'There is no mesh on this device yet.',
  invalid: 'That was not understood.',
  not_found: 'It is not here.',
  conflict: 'This waits for you to choose.',
  integrity: 'Some bytes are not what they should be. Nothing was taken.',
  refused: 'That is not allowed here.',
  offline: 'The other device could not be reached.',
  cancelled: 'Stopped.',
  too_new: 'This was written by a newer version of MirrorDNA.',
  io: 'This device could not read or write its files.',
};

export const history = {
  changes: 'What it changed',
  both: 'Keep both',
  restore: 'Bring it back',
  restored: 'Brought back, as a new version',
};

export const filter = {
  label: 'Which notes',
  device: 'Written on',
  anyDevice: 'Any device',
  day: 'Day',
  withTag: (tag: string) => `Notes with #${tag}`,
  withoutTag: (tag: string) => `No longer only #${tag}`,
  clear: 'All notes',
  none: 'No note is like that',
  noneHint: 'Another device or day, or all notes, may show it.',
};

export const voice = {
  record: 'Record a note',
  stop: 'Stop and keep it',
  pause: 'Pause',
  resume: 'Go on',
  paused: 'Paused',
  keeping: 'Kept as you speak',
  mute: 'Nothing is heard',
  level: 'Loudness',
  none: 'There is no microphone.',
  silent: 'Only silence came, so nothing was kept.',
  broke: 'The recording broke off.',
  kept: 'Recording saved',
};

/** A recording, and what was heard in it. */
export const audio = {
  play: (name: string) => `Play ${name}`,
  absent: (name: string) => `${name} is not on this device yet. It comes with a reconcile.`,
  waits: 'Waits for its transcript.',
  silent: 'The recording holds no sound at all.',
  noSpeech: 'No speech was heard.',
  heardBy: (model: string, device: string) => `Heard by ${model} on ${device}; it may hold errors.`,
  doubtful: 'The underlined parts may never have been said.',
  doubt: {
    known_phrase: 'Speech engines are known to write this where nothing was said.',
    repeat: 'The same again and again: the engine may have been stuck.',
  },
  unplayable: 'This system has no player for the format. The recording itself is whole.',
};
