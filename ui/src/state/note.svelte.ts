import type { Backend } from '../backend/backend';
import type { Note, Problem, Revision } from '../backend/types';
import { asProblem } from '../lib/problem';
import { parseTags } from '../lib/tags';
import { Loaded } from './loaded.svelte';

/** A note at the revision that lists show, and all its revisions. */
export type NoteStory = { note: Note; revisions: Revision[] };

/** The note that is open: its story, and an edit under way. */
export class OpenNote {
  note: string;
  story: Loaded<NoteStory>;
  editing = $state(false);
  text = $state('');
  tags = $state('');
  busy = $state(false);
  problem = $state.raw<Problem | null>(null);
  /** The revision that the list shows too. */
  shown: Revision | null = $derived.by(() => this.#revisions().find((one) => one.id === this.story.value?.note.id) ?? null);
  latest: Revision[] = $derived.by(() => this.#revisions().filter((revision) => revision.latest));
  /** The one latest revision; null while there are several, or none known. */
  current: Revision | null = $derived.by(() => (this.latest.length === 1 ? (this.latest[0] ?? null) : null));
  /** Somebody else's revision came in under an edit. */
  moved: boolean = $derived.by(() => this.editing && this.story.value !== null && this.current?.id !== this.#base);

  #backend: Backend;
  #base = $state('');

  constructor(backend: Backend, note: string) {
    this.#backend = backend;
    this.note = note;
    this.story = new Loaded(async () => {
      const [shown, revisions] = await Promise.all([backend.note({ note }), backend.noteHistory({ note })]);
      return { note: shown, revisions };
    });
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

  /** Brings an earlier version back, as a new one; nothing is undone that others have not seen undone. */
  async restore({ text, tags }: Revision): Promise<Note | null> {
    const base = this.current?.id;
    if (base === undefined) return null;
    return this.#try(() => this.#backend.editNote({ note: this.note, base, text, tags }));
  }

  /** Puts the note away as it was seen, at the revision `base`. */
  async archive(base: string): Promise<boolean> {
    const done = await this.#try(async () => {
      await this.#backend.archiveNote({ note: this.note, base });
      return true;
    });
    return done ?? false;
  }

  #revisions(): Revision[] {
    return this.story.value?.revisions ?? [];
  }

  async #try<T>(act: () => Promise<T>): Promise<T | null> {
    if (this.busy) return null;
    this.busy = true;
    try {
      const done = await act();
      this.problem = null;
      await this.story.load();
      return done;
    } catch (thrown) {
      this.problem = asProblem(thrown);
      if (this.problem.code === 'conflict') await this.story.load();
      return null;
    } finally {
      this.busy = false;
    }
  }
}
