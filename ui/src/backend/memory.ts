import type { Backend, Stop } from './backend';
import { exchange } from './memory/exchange';
import { cutView, mapView, timelineView } from './memory/map';
import { SCENARIOS, world as makeWorld, type Scenario } from './memory/scenario';
import { ticketView } from './memory/ticket';
import { conflictViews, latest, listed, logView, noteView, standupView, statusView } from './memory/views';
import { fakeHash, matchSpans, wordDiff } from './memory/words';
import { device as makeDevice, identityOf, revision, type StoredNote, type World } from './memory/world';
import type { Change, Device, Hit, Note, Problem, Recording, Revision, Take } from './types';

const PHONE_PX = 720;
const SILENT: Recording = { stage: 'idle', ms: 0, loudness: 0, mute: false, problem: null };

/** The mesh that an address asks for: `?scenario=sample`, seen from the kind of device that the window fits. */
export function memoryBackend(query: URLSearchParams): MemoryBackend {
  const scenario = SCENARIOS.find((known) => known === query.get('scenario')) ?? 'sample';
  return new MemoryBackend(scenario, window.innerWidth < PHONE_PX);
}

/** A mesh in memory: what the UI is looked at and tested with. Nothing it is told outlives the page. */
export class MemoryBackend implements Backend {
  world: World;
  #listeners = new Set<(change: Change) => void>();
  #hearing = new Set<(now: Recording) => void>();
  #recording = SILENT;
  #stopped = false;
  #count = 0;

  constructor(scenario: Scenario, phone = false) {
    this.world = makeWorld(scenario, phone);
  }

  status = () => this.#answer(() => statusView(this.world));
  draft = () => this.#answer(() => this.world.draft);
  conflicts = () => this.#answer(() => conflictViews(this.world));
  map = () => this.#answer(() => mapView(this.world));
  timeline = () => this.#answer(() => timelineView(this.world));
  mapAt: Backend['mapAt'] = ({ at }) => this.#answer(() => cutView(this.world, at));
  standup = () => this.#answer(() => standupView(this.world));
  uiReady = () => Promise.resolve(null);
  scan: Backend['scan'] = null;

  init: Backend['init'] = ({ name, role }) =>
    this.#change(() => {
      if (name.trim() === '') throw problem('invalid', 'the name is empty', 'Give this device a name.');
      return this.#begin(makeDevice(name.trim(), role, 'synced', 0));
    });

  join: Backend['join'] = ({ ticket, name }) =>
    this.#change(() => {
      ticketView(ticket);
      return this.#begin(makeDevice(name.trim(), 'capture', 'synced', 0));
    });

  readTicket: Backend['readTicket'] = ({ ticket }) => this.#answer(() => ticketView(ticket));

  invite: Backend['invite'] = ({ role }) =>
    this.#answer(() => {
      const ticket = `mirror1${fakeHash(`ticket ${this.#count++}`)}${fakeHash('addresses')}${fakeHash('secret')}`;
      return { ticket, ...ticketView(ticket), role };
    });

  saveDraft: Backend['saveDraft'] = ({ text }) =>
    this.#answer(() => {
      this.world.draft = text;
      return null;
    });

  recording = () => this.#answer(() => this.#recording);

  startRecording = () => this.#record({ ...SILENT, stage: 'recording' });
  pauseRecording: Backend['pauseRecording'] = ({ paused }) =>
    this.#record({ ...this.#recording, stage: paused ? 'paused' : 'recording' });

  stopRecording = async () => {
    await this.#record(SILENT);
    return this.capture({ text: '', tags: ['voice'] });
  };

  capture: Backend['capture'] = ({ text, tags }) =>
    this.#change(() => {
      const note = fakeHash(`captured ${this.#count++}`);
      const first = { ...revision(note, text, this.#here(), new Date().toISOString()), tags };
      this.world.draft = '';
      return this.#put({ note, revisions: [first], saved_on: [], proposal: null });
    });

  notes: Backend['notes'] = ({ skip, limit, wanted: { tag, device, since, until } }) =>
    this.#answer(() => {
      const all = listed(this.world).map(noteView);
      const wanted = all.filter(
        (one) =>
          (tag === null || one.tags.includes(tag)) &&
          (device === null || one.device === device) &&
          (since === null || Date.parse(one.at) >= Date.parse(since)) &&
          (until === null || Date.parse(one.at) < Date.parse(until)),
      );
      return { notes: wanted.slice(skip, skip + limit), next: null, total: wanted.length };
    });

  note: Backend['note'] = ({ note }) => this.#answer(() => noteView(this.#find(note)));
  noteHistory: Backend['noteHistory'] = ({ note }) => this.#answer(() => [...this.#find(note).revisions].reverse());

  noteChanges: Backend['noteChanges'] = ({ note, revision }) =>
    this.#answer(() => {
      const { revisions } = this.#find(note);
      const of = (id: string | undefined) => revisions.find((one) => one.id === id);
      return wordDiff(of(of(revision)?.parents[0])?.text ?? '', of(revision)?.text ?? '');
    });

  transcript: Backend['transcript'] = ({ note, audio }) =>
    this.#answer(() => {
      const heard = this.#find(note).heard?.find((one) => one.transcript.audio === audio);
      if (heard === undefined) throw problem('not_found', 'nothing was heard yet', 'transcribe it on a device that has a model');
      return heard;
    });

  attachmentPiece: Backend['attachmentPiece'] = ({ blob, from }) =>
    this.#answer(() => {
      const bytes = this.world.content?.get(blob);
      if (bytes === undefined) throw problem('not_found', 'the recording is not here', 'reconcile with a device that has it');
      return bytes.slice(from, from + 1_048_576).buffer;
    });

  editNote: Backend['editNote'] = ({ note, base, text, tags }) =>
    this.#change(() => this.#revise(note, [base], text, tags, false));

  archiveNote: Backend['archiveNote'] = ({ note, base }) =>
    this.#change(() => {
      const heads = latest(this.#find(note));
      const [seen] = heads;
      if (heads.length > 1 || seen?.id !== base) throw movedOn();
      this.#revise(note, [base], seen.text, seen.tags, true);
      return null;
    });

  search: Backend['search'] = ({ query, limit }) =>
    this.#answer(() => {
      const hits: Hit[] = [];
      for (const stored of listed(this.world)) {
        const { note, id, text, at, device, device_name, tags, state } = noteView(stored);
        const spans = matchSpans(text, query);
        if (spans === null) continue;
        const snippet = spans.map((span) => span.text).join('');
        hits.push({ note, id, in_transcript: false, spans, snippet, at, device, device_name, tags, state });
        if (hits.length === limit) break;
      }
      return hits;
    });

  resolve: Backend['resolve'] = ({ note, take, seen }) =>
    this.#change(() => {
      const conflict = conflictViews(this.world).find((one) => one.note === note);
      if (conflict === undefined) throw problem('not_found', `note ${note} has one latest revision`, '');
      if (![conflict.ours.id, conflict.theirs.id].every((side) => seen.includes(side))) throw movedOn();
      const { text, tags } = this.#taken(conflict.ours, conflict.theirs, conflict.proposal, take);
      return this.#revise(note, [conflict.ours.id, conflict.theirs.id], text, tags, false);
    });

  async reconcile({ device }: { device: string | null }) {
    this.#stopped = false;
    const report = await exchange(this.world, device, (change) => this.#tell(change), () => this.#stopped);
    this.#tell({ what: 'reconciled', value: report });
    return report;
  }

  cancelReconcile = () => {
    this.#stopped = true;
    return Promise.resolve(null);
  };

  log: Backend['log'] = ({ cursor, limit }) =>
    this.#answer(() => {
      const all = logView(this.world);
      const end = Number(cursor ?? 0) + limit;
      return { entries: all.slice(Number(cursor ?? 0), end), next: end < all.length ? String(end) : null };
    });

  mapMove: Backend['mapMove'] = ({ node, x, y }) => this.#onMap(node, { x, y, placed: true });
  mapGroup: Backend['mapGroup'] = ({ node, place }) => this.#onMap(node, { place });

  renameDevice: Backend['renameDevice'] = ({ device, name }) => this.#device(device, { name });
  revokeDevice: Backend['revokeDevice'] = ({ device }) => this.#device(device, { state: 'revoked' });

  onChange(listener: (change: Change) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onRecording(listener: (now: Recording) => void): Stop {
    this.#hearing.add(listener);
    return () => this.#hearing.delete(listener);
  }

  onOpen(): Stop {
    return () => undefined;
  }

  async #answer<T>(answer: () => T): Promise<T> {
    if (this.world.answerMs > 0) await new Promise((resolve) => setTimeout(resolve, this.world.answerMs));
    if (this.world.broken) {
      const detail = 'database disk image is malformed: page 41 of notes.db, expected a leaf, found 0x00';
      throw problem('io', detail, 'Run mirror doctor. Nothing was written since.');
    }
    return structuredClone(answer());
  }

  async #change<T>(act: () => T): Promise<T> {
    const answer = await this.#answer(act);
    this.#tell({ what: 'data' });
    return answer;
  }

  #record(now: Recording): Promise<null> {
    return this.#answer(() => {
      this.#recording = now;
      for (const listener of this.#hearing) listener(now);
      return null;
    });
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }

  #here(): Device {
    return this.world.devices.find((one) => one.this)!;
  }

  #begin(device: Device) {
    device.this = true;
    this.world.devices = [device];
    this.world.here = device.device;
    this.world.identity = identityOf(device);
    return this.world.identity;
  }

  #find(note: string): StoredNote {
    const found = this.world.notes.find((one) => one.note === note);
    if (found === undefined) throw problem('not_found', `no note ${note}`, '');
    return found;
  }

  #put(stored: StoredNote): Note {
    this.world.notes = [stored, ...this.world.notes.filter((one) => one.note !== stored.note)];
    return noteView(stored);
  }

  #revise(note: string, parents: string[], text: string, tags: string[], archived: boolean): Note {
    const stored = this.#find(note);
    const next: Revision = {
      ...revision(note, text, this.#here(), new Date().toISOString(), parents, archived),
      tags,
    };
    const old = stored.revisions.map((one) => (parents.includes(one.id) ? { ...one, latest: false } : one));
    return this.#put({ ...stored, revisions: [next, ...old], saved_on: [] });
  }

  #taken(ours: { text: string; tags: string[] }, theirs: { text: string; tags: string[] }, proposal: string | null, take: Take) {
    switch (take.take) {
      case 'ours':
        return ours;
      case 'theirs':
        return theirs;
      case 'merged':
        if (proposal === null) throw problem('invalid', 'there is no merge to accept', 'Write what should stand.');
        return { text: proposal, tags: ours.tags };
      case 'text':
        return { text: take.text, tags: ours.tags };
    }
  }

  #onMap(id: string, change: Partial<{ place: string | null; x: number; y: number; placed: boolean }>): Promise<null> {
    return this.#change(() => {
      const { place, x, y, placed } = mapView(this.world).nodes.find((one) => one.id === id)!;
      this.world.places.set(id, { place, x, y, placed, ...change });
      return null;
    });
  }

  #device(id: string, change: Partial<Device>): Promise<null> {
    return this.#change(() => {
      this.world.devices = this.world.devices.map((one) => (one.device === id ? { ...one, ...change } : one));
      return null;
    });
  }
}

function movedOn(): Problem {
  return problem('conflict', 'another version of this note has come since you looked', 'look at it again; nothing was changed');
}

function problem(code: Problem['code'], detail: string, hint: string): Problem {
  return { code, detail, hint };
}
