import type {
  Change,
  Conflict,
  Hit,
  Identity,
  Invite,
  LogPage,
  Map,
  MapCut,
  Note,
  NotePage,
  ReconcileReport,
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
  notes(args: {
    cursor: string | null;
    limit: number;
    tag: string | null;
    device: string | null;
  }): Promise<NotePage>;
  note(args: { note: string }): Promise<Note>;
  noteHistory(args: { note: string }): Promise<Revision[]>;
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

  onChange(listener: (change: Change) => void): Stop;
  onOpen(listener: (screen: ShellScreen) => void): Stop;
}
