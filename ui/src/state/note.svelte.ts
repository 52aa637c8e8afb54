import type { Backend } from '../backend/backend';
import type { Note, Problem, Revision } from '../backend/types';
import { asProblem } from '../lib/problem';
import { parseTags } from '../lib/tags';
import { Loaded } from './loaded.svelte';

/** The note that is open: its history, and an edit under way. */
export class OpenNote {
  note: string;
  history: Loaded<Revision[]>;
  editing = $state(false);
  text = $state('');
  tags = $state('');
  busy = $state(false);
  problem = $state.raw<Problem | null>(null);
  latest: Revision[] = $derived.by(() => (this.history.value ?? []).filter((revision) => revision.latest));
  /** The one latest revision; null while there are several, or none known. */
  current: Revision | null = $derived.by(() => (this.latest.length === 1 ? (this.latest[0] ?? null) : null));
  /** Somebody else's revision came in under an edit. */
  moved: boolean = $derived.by(() => this.editing && this.history.value !== null && this.current?.id !== this.#base);

  #backend: Backend;
  #base = $state('');

  constructor(backend: Backend, note: string) {
    this.#backend = backend;
    this.note = note;
    this.history = new Loaded(() => backend.noteHistory({ note }));
  }

  edit(): void {
    if (this.current === null) return;
    this.#base = this.current.id;
    this.text = this.current.text;
    this.tags = this.current.tags.join(' ');
    this.problem = null;
    this.editing = true;
  }

  cancel(): void {
    this.editing = false;
    this.problem = null;
  }

  /** Saves against the revision that was on screen when the edit began; null when it failed. */
  async save(): Promise<Note | null> {
    const saved = await this.#try(() =>
      this.#backend.editNote({ note: this.note, base: this.#base, text: this.text, tags: parseTags(this.tags) }),
    );
    if (saved !== null) this.editing = false;
    return saved;
  }

  async archive(): Promise<boolean> {
    const done = await this.#try(async () => {
      await this.#backend.archiveNote({ note: this.note });
      return true;
    });
    return done ?? false;
  }

  async #try<T>(act: () => Promise<T>): Promise<T | null> {
    if (this.busy) return null;
    this.busy = true;
    try {
      const done = await act();
      this.problem = null;
      await this.history.load();
      return done;
    } catch (thrown) {
      this.problem = asProblem(thrown);
      return null;
    } finally {
      this.busy = false;
    }
  }
}
