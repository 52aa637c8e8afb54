export type SyncState =
  | 'synced'
  | 'behind'
  | 'ahead'
  | 'conflict'
  | 'stale'
  | 'offline'
  | 'unknown'
  | 'revoked'
  | 'forked';

export type NoteState = 'current' | 'conflict' | 'archived';

export type Role = 'anchor' | 'node' | 'capture';

export type Identity = {
  device: string;
  mesh: string;
  name: string;
  role: Role;
  home: string;
  keys: string;
};

export type Status = {
  identity: Identity | null;
  head: string;
  events: number;
  notes: number;
  state: SyncState;
  conflicts: number;
  unreconciled: number;
  last_reconcile: string | null;
  devices: Device[];
};

export type Device = {
  device: string;
  name: string;
  role: Role;
  state: SyncState;
  last_contact: string | null;
  forked: boolean;
  this: boolean;
  ahead: number;
  behind: number;
  addresses: string[];
  last_error: string | null;
  chains: Chain[];
};

export type Chain = {
  chain: string;
  device: string;
  seq: number;
  tip: string;
};

export type Note = {
  note: string;
  id: string;
  text: string;
  tags: string[];
  at: string;
  device: string;
  device_name: string;
  state: NoteState;
  saved_on: string[];
};

export type NotePage = {
  notes: Note[];
  next: string | null;
  total: number;
};

export type Revision = {
  id: string;
  parents: string[];
  text: string;
  tags: string[];
  at: string;
  device: string;
  device_name: string;
  archived: boolean;
  latest: boolean;
};

export type Hit = {
  note: string;
  id: string;
  spans: HitSpan[];
  snippet: string;
  at: string;
  device: string;
  device_name: string;
  tags: string[];
  state: NoteState;
};

export type HitSpan = {
  text: string;
  matched: boolean;
};

export type Side = {
  id: string;
  device: string;
  device_name: string;
  at: string;
  text: string;
  tags: string[];
  archived: boolean;
  diff: DiffSpan[];
};

export type DiffSpan = {
  change: DiffChange;
  text: string;
};

export type DiffChange = 'same' | 'added' | 'removed';

export type Conflict = {
  id: string;
  note: string;
  base: Side | null;
  ours: Side;
  theirs: Side;
  proposal: string | null;
};

export type Take =
  | { take: 'ours' }
  | { take: 'theirs' }
  | { take: 'merged' }
  | { take: 'text'; text: string };

export type ReconcileReport = {
  head: string;
  conflicts: number;
  peers: PeerReport[];
};

export type PeerReport = {
  device: string;
  name: string;
  link: string;
  ok: boolean;
  round_trips: number;
  bytes_in: number;
  bytes_out: number;
  received: number;
  sent: number;
  duplicates: number;
  quarantined: number;
  refused: Refusal[];
  head_before: string;
  head_after: string;
  committed: boolean;
  ms: number;
  error: Problem | null;
};

export type Refusal = {
  what: string;
  reason: string;
};

export type Progress = {
  device: string;
  name: string;
  phase: Phase;
  received: number;
  to_receive: number;
  sent: number;
  to_send: number;
};

export type Phase =
  | 'connecting'
  | 'comparing'
  | 'exchanging'
  | 'committing'
  | 'done'
  | 'failed'
  | 'cancelled';

export type Map = {
  head: string;
  nodes: MapNode[];
  edges: MapEdge[];
};

export type MapNode = {
  id: string;
  kind: string;
  name: string;
  state: SyncState;
  tier: string | null;
  place: string | null;
  x: number;
  y: number;
};

export type MapEdge = {
  from: string;
  to: string;
  link: string;
  state: SyncState;
  lag_events: number;
  last_contact: string | null;
};

export type Standup = {
  date: string;
  zone: string;
  sections: StandupSection[];
  markdown: string;
};

export type StandupSection = {
  title: string;
  items: StandupItem[];
};

export type StandupItem = {
  event: string;
  note: string | null;
  text: string;
  time: string;
  at: string;
  device_name: string;
};

export type LogEntry = {
  id: string;
  chain: string;
  device: string;
  device_name: string;
  seq: number;
  prev: string | null;
  deps: string[];
  lamport: number;
  at: string;
  kind: string;
  body_hash: string;
};

export type LogPage = {
  entries: LogEntry[];
  next: string | null;
};

export type Invite = {
  ticket: string;
  expires: string;
  digits: string;
  role: Role;
};

export type Problem = {
  code: Code;
  detail: string;
  hint: string;
};

export type Code =
  | 'not_initialised'
  | 'invalid'
  | 'not_found'
  | 'conflict'
  | 'integrity'
  | 'refused'
  | 'offline'
  | 'cancelled'
  | 'too_new'
  | 'io';

export type Change =
  | { what: 'data' }
  | { what: 'progress'; value: Progress }
  | { what: 'reconciled'; value: ReconcileReport };
