import type { Conflict, LogEntry, Note, Revision, Side, Standup, Status } from '../types';
import { fakeHash, wordDiff } from './words';
import type { StoredNote, World } from './world';

export function latest(stored: StoredNote): Revision[] {
  return stored.revisions.filter((one) => one.latest);
}

export function noteView(stored: StoredNote): Note {
  const heads = latest(stored);
  const shown = heads[0]!;
  return {
    note: stored.note,
    id: shown.id,
    text: shown.text,
    tags: shown.tags,
    at: shown.at,
    device: shown.device,
    device_name: shown.device_name,
    state: heads.length > 1 ? 'conflict' : shown.archived ? 'archived' : 'current',
    saved_on: stored.saved_on,
    attachments: stored.attachments ?? [],
  };
}

/** Newest first, without what is archived. */
export function listed(world: World): StoredNote[] {
  return world.notes
    .filter((one) => !latest(one).every((revision) => revision.archived))
    .map((one) => ({ one, at: Date.parse(latest(one)[0]!.at) }))
    .sort((a, b) => b.at - a.at)
    .map(({ one }) => one);
}

export function conflictViews(world: World): Conflict[] {
  return world.notes
    .filter((stored) => latest(stored).length > 1)
    .map((stored) => {
      const heads = latest(stored);
      const ours = heads.find((one) => one.device === world.here) ?? heads[0]!;
      const theirs = heads.find((one) => one !== ours)!;
      const base = stored.revisions.find((one) => ours.parents.includes(one.id) && theirs.parents.includes(one.id));
      const side = (one: Revision): Side => ({
        id: one.id,
        device: one.device,
        device_name: one.device_name,
        at: one.at,
        text: one.text,
        tags: one.tags,
        archived: one.archived,
        diff: wordDiff(base?.text ?? '', one.text),
      });
      return {
        id: stored.note,
        note: stored.note,
        file: null,
        base: base ? side(base) : null,
        ours: side(ours),
        theirs: side(theirs),
        proposal: stored.proposal,
      };
    });
}

export function statusView(world: World): Status {
  const events = world.notes.reduce((sum, one) => sum + one.revisions.length, 0);
  const conflicts = world.notes.filter((one) => latest(one).length > 1).length;
  const unreconciled = world.notes.filter((one) => one.saved_on.length === 0 && latest(one).length === 1).length;
  const behind = world.devices.some((one) => one.behind > 0);
  const peers = world.devices.filter((one) => !one.this && one.last_contact !== null && one.state !== 'revoked');
  return {
    identity: world.identity,
    head: headOf(world),
    events,
    notes: listed(world).length,
    state: conflicts > 0 ? 'conflict' : behind ? 'behind' : unreconciled > 0 ? 'ahead' : 'synced',
    conflicts,
    unreconciled,
    last_reconcile: peers.map((one) => one.last_contact!).sort().at(-1) ?? null,
    devices: world.devices,
  };
}

export function headOf(world: World): string {
  const newest = world.notes.map((one) => one.revisions.length).join('').slice(0, 64);
  return fakeHash(`head ${world.notes.length} ${newest}`);
}

export function standupView(world: World): Standup {
  const yesterday = listed(world).map(noteView).filter((one) => Date.now() - Date.parse(one.at) < 48 * 3_600_000);
  const item = (one: Note) => ({
    event: one.id,
    note: one.note,
    text: one.text.split('\n')[0]!.replace(/^#+ /, '').slice(0, 400),
    time: new Date(one.at).toTimeString().slice(0, 5),
    at: one.at,
    device_name: one.device_name,
  });
  const sections = [
    { title: 'From the phone', items: yesterday.filter((one) => one.device_name === 'Pixel').map(item) },
    { title: 'From the computers', items: yesterday.filter((one) => one.device_name !== 'Pixel').map(item) },
    { title: 'Waits for you', items: yesterday.filter((one) => one.state === 'conflict').map(item) },
  ].filter((section) => section.items.length > 0);
  const date = new Date().toISOString().slice(0, 10);
  const lines = sections.flatMap((section) => [
    `\n## ${section.title}\n`,
    ...section.items.map((one) => `- ${one.time} ${one.text} (${one.device_name})`),
  ]);
  return { date, zone: 'Europe/Berlin', sections, markdown: `# Standup ${date}\n${lines.join('\n')}\n` };
}

export function logView(world: World): LogEntry[] {
  const revisions = world.notes.flatMap((one) => one.revisions).sort((a, b) => (a.at < b.at ? 1 : -1));
  return revisions.map((one, index) => {
    const lamport = revisions.length - index;
    const before = revisions.slice(index + 1, index + 40).find((other) => other.device === one.device);
    return {
      id: one.id,
      chain: fakeHash(`chain ${one.device_name}`),
      device: one.device,
      device_name: one.device_name,
      seq: lamport,
      prev: before?.id ?? null,
      deps: one.parents,
      lamport,
      at: one.at,
      branch: null,
      counts: true,
      forgotten: false,
      reason: null,
      kind: one.archived ? 'note.archive' : one.parents.length === 0 ? 'note.create' : 'note.edit',
      body_hash: fakeHash(`body ${one.id}`),
    };
  });
}
