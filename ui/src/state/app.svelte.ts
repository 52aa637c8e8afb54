import { createContext, tick } from 'svelte';
import type { Backend, Stop } from '../backend/backend';
import type { Change, Conflict, LogEntry, Map as MeshMap, Note, Standup, Status, Timeline } from '../backend/types';
import { copy } from '../lib/copy';
import { t } from '../strings';
import { Draft } from './draft.svelte';
import { Filter } from './filter.svelte';
import { Loaded } from './loaded.svelte';
import type { Merge } from './merge.svelte';
import { Notice } from './notice.svelte';
import { Paged } from './paged.svelte';
import { Pages } from './pages.svelte';
import { Plane } from './plane.svelte';
import { Reconcile } from './reconcile.svelte';
import { Route } from './route.svelte';
import { Scrub } from './scrub.svelte';
import { Search } from './search.svelte';
import { ThemeChoice } from './theme.svelte';
import { Voice } from './voice.svelte';

const REFRESH_MS = 120;
const RECENT = 3;

/** What the screens stand on: one of each, made once. */
export class App {
  backend: Backend;
  route = new Route();
  theme = new ThemeChoice();
  notice = new Notice();
  draft: Draft;
  voice: Voice;
  status: Loaded<Status>;
  notes: Pages<Note>;
  filter = new Filter();
  search: Search;
  conflicts: Loaded<Conflict[]>;
  reconcile: Reconcile;
  map: Loaded<MeshMap>;
  plane: Plane;
  timeline: Loaded<Timeline>;
  scrub: Scrub;
  standup: Loaded<Standup>;
  /** The last notes written on this device, newest first. */
  recent: Loaded<Note[]>;
  log: Paged<LogEntry>;
  /** What is being written to settle a conflict. */
  merge = $state.raw<Merge | null>(null);
  /** Counts the refreshes, for what loads by itself. */
  changes = $state(0);
  palette = $state(false);
  keys = $state(false);

  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(backend: Backend) {
    this.backend = backend;
    this.draft = new Draft(backend);
    this.voice = new Voice(backend, (note) => this.#captured(note, t.voice.kept));
    this.status = new Loaded(() => backend.status());
    this.notes = new Pages(async (skip, limit) => {
      const page = await backend.notes({ skip, limit, wanted: this.filter.wanted });
      return { items: page.notes, total: page.total };
    });
    this.search = new Search(backend);
    this.conflicts = new Loaded(() => backend.conflicts());
    this.reconcile = new Reconcile(backend, (words) => this.notice.say(words));
    this.map = new Loaded(() => backend.map());
    this.plane = new Plane(backend);
    this.timeline = new Loaded(() => backend.timeline());
    this.scrub = new Scrub(backend);
    this.standup = new Loaded(() => backend.standup({ date: null }));
    this.recent = new Loaded(async () => {
      const device = this.status.value?.identity?.device ?? null;
      return (await backend.notes({ skip: 0, limit: RECENT, wanted: { tag: null, device, since: null, until: null } })).notes;
    });
    this.log = new Paged(async (cursor, limit) => {
      const page = await backend.log({ cursor, limit });
      return { items: page.entries, next: page.next, total: null };
    });
  }

  /** Begins to listen, and asks what every screen needs. */
  start(): Stop {
    const stops = [
      this.backend.onChange((change) => this.#changed(change)),
      this.backend.onOpen((screen) => {
        if (screen === 'reconcile') void this.reconcile.start();
        else if (screen === 'capture') void this.beginCapture();
        else this.route.go(screen);
      }),
    ];
    stops.push(this.voice.follow());
    void this.draft.restore();
    void this.refresh();
    return () => stops.forEach((stop) => stop());
  }

  /** Asks again for what is shown everywhere; a screen asks for its own when `changes` moves. */
  async refresh(): Promise<void> {
    await this.status.load();
    if (this.status.value?.identity == null) return;
    this.changes += 1;
  }

  /** Refreshes once after a burst of changes. */
  refreshSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh(), REFRESH_MS);
  }

  /** Goes to the capture field, ready to type. */
  async beginCapture(): Promise<void> {
    this.route.go('capture');
    await tick();
    document.getElementById('capture')?.focus();
  }

  /** Turns the draft into a note, and shows it among the recent ones without asking first. */
  async capture(): Promise<void> {
    const note = await this.draft.done();
    if (note !== null) this.#captured(note, t.capture.kept);
  }

  #captured(note: Note, said: string): void {
    this.recent.value = [note, ...(this.recent.value ?? []).filter((one) => one.note !== note.note)].slice(0, RECENT);
    this.notice.say(said, true);
  }

  /** The same note says the same in every list. */
  show(note: Note): void {
    const swap = (one: Note) => (one.note === note.note ? note : one);
    this.notes.change(swap);
    if (this.recent.value !== null) this.recent.value = this.recent.value.map(swap);
  }

  /** Puts text on the clipboard and says so. */
  async copy(text: string, said: string = t.action.copied): Promise<void> {
    this.notice.say((await copy(text)) ? said : t.action.notCopied);
  }

  #changed(change: Change): void {
    if (change.what === 'progress') return this.reconcile.progress(change.value);
    if (change.what === 'reconciled') this.reconcile.ended(change.value);
    this.refreshSoon();
  }
}

export const [useApp, provideApp] = createContext<App>();
