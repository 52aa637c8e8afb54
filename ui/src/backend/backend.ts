import type {
  Change,
  Conflict,
  DiffSpan,
  HeardTranscript,
  Hit,
  Identity,
  Invite,
  LogPage,
  Map,
  MapCut,
  Note,
  NotePage,
  ReconcileReport,
  Recording,
  Revision,
  Role,
  Standup,
  Status,
  Take,
  TicketFacts,
  Timeline,
} from './types';

/** What the shell may ask to see. */
export const SHELL_SCREENS = ['capture', 'inbox', 'conflicts', 'map', 'standup', 'reconcile'] as const;
export type ShellScreen = (typeof SHELL_SCREENS)[number];

/** Which notes; all where it says null. The instants are RFC 3339 with an offset. */
export type Wanted = { tag: string | null; device: string | null; since: string | null; until: string | null };

/** Stops a subscription. */
export type Stop = () => void;

/** Everything the UI asks of a node. Every call rejects with a `Problem`. */
export interface Backend {
  status(): Promise<Status>;
  init(args: { name: string; role: Role }): Promise<Identity>;
  join(args: { ticket: string; name: string }): Promise<Identity>;
  readTicket(args: { ticket: string }): Promise<TicketFacts>;
  invite(args: { role: Role }): Promise<Invite>;
  /** Clears the stored draft in the same step. */
  capture(args: { text: string; tags: string[] }): Promise<Note>;
  draft(): Promise<string>;
  saveDraft(args: { text: string }): Promise<null>;
  recording(): Promise<Recording>;
  /** Rejects unless sound is being kept when it returns. On a phone it opens a screen of the system's own. */
  startRecording(): Promise<null>;
  pauseRecording(args: { paused: boolean }): Promise<null>;
  /** The note is durable when it returns. */
  stopRecording(): Promise<Note>;
  /** `skip` of the newest are left out. */
  notes(args: { skip: number; limit: number; wanted: Wanted }): Promise<NotePage>;
  note(args: { note: string }): Promise<Note>;
  noteHistory(args: { note: string }): Promise<Revision[]>;
  /** What a revision changed in the one before it, word by word. */
  noteChanges(args: { note: string; revision: string }): Promise<DiffSpan[]>;
  /** The transcript of a recording, with its pieces. */
  transcript(args: { note: string; audio: string }): Promise<HeardTranscript>;
  /** A megabyte of an attachment at most; nothing behind its end. */
  attachmentPiece(args: { blob: string; from: number }): Promise<ArrayBuffer>;
  editNote(args: { note: string; base: string; text: string; tags: string[] }): Promise<Note>;
  /** Rejects with `conflict` once `base`, the revision on screen, is no longer the latest. */
  archiveNote(args: { note: string; base: string }): Promise<null>;
  search(args: { query: string; limit: number }): Promise<Hit[]>;
  conflicts(): Promise<Conflict[]>;
  /** Rejects with `conflict` unless `seen` are the two revisions that are in conflict. */
  resolve(args: { note: string; take: Take; seen: string[] }): Promise<Note>;
  reconcile(args: { device: string | null }): Promise<ReconcileReport>;
  cancelReconcile(): Promise<null>;
  map(): Promise<Map>;
  /** Puts a thing somewhere in the unit square, for all devices. */
  mapMove(args: { node: string; x: number; y: number }): Promise<null>;
  mapGroup(args: { node: string; place: string | null }): Promise<null>;
  timeline(): Promise<Timeline>;
  /** The mesh as of a clock of the timeline. */
  mapAt(args: { at: number }): Promise<MapCut>;
  standup(args: { date: string | null }): Promise<Standup>;
  log(args: { cursor: string | null; limit: number }): Promise<LogPage>;
  renameDevice(args: { device: string; name: string }): Promise<null>;
  revokeDevice(args: { device: string }): Promise<null>;
  uiReady(): Promise<null>;
  /** Opens the phone's scanner, which joins by itself; null where there is none. */
  scan: (() => Promise<null>) | null;

  onChange(listener: (change: Change) => void): Stop;
  onRecording(listener: (now: Recording) => void): Stop;
  onOpen(listener: (screen: ShellScreen) => void): Stop;
}
