import type { Backend } from '../backend/backend';
import type { Note, Problem } from '../backend/types';
import { asProblem } from '../lib/problem';
import { tagsIn } from '../lib/tags';

const PAUSE_MS = 250;
/** Who types without a pause is saved so often. */
const CAP_MS = 1000;

export type DraftState = 'empty' | 'typing' | 'saved' | 'failed';

/**
 * The note being written. A pause makes it durable, and a second without one; done makes it a note.
 *
 * Typing never waits: one save is under way at a time, and the newest text goes next. A capture clears the stored
 * draft in the same step. It waits for the save under way, and no save begins before it ends: so the text is durable
 * in one place at every moment, and never in both.
 */
export class Draft {
  text = $state('');
  state = $state<DraftState>('empty');
  problem = $state.raw<Problem | null>(null);

  #backend: Backend;
  #stored = '';
  #touched = false;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #cap: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> | null = null;
  /** How many captures have not ended, and the last of them. */
  #capturing = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Brings back what was being written. What the person typed meanwhile wins. */
  async restore(): Promise<void> {
    try {
      const text = await this.#backend.draft();
      this.#stored = text;
      if (this.#touched || text === '') return;
      this.text = text;
      this.state = 'saved';
    } catch (thrown) {
      this.problem = asProblem(thrown);
    }
  }

  /** The person typed. */
  type(text: string): void {
    this.#touched = true;
    this.text = text;
    this.state = 'typing';
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => void this.flush(), PAUSE_MS);
    this.#cap ??= setTimeout(() => {
      this.#cap = undefined;
      void this.#store();
    }, CAP_MS);
  }

  /** Makes what is typed durable now. */
  flush(): Promise<void> {
    this.#forgetTimers();
    return this.#store();
  }

  async #store(): Promise<void> {
    if (this.#capturing > 0) return;
    if (this.#saving !== null) await this.#saving;
    if (this.#saving !== null || this.#capturing > 0) return;
    if (this.text === this.#stored) {
      this.#settle();
      return;
    }
    this.#saving = this.#save(this.text);
    await this.#saving;
    this.#saving = null;
    if (this.text !== this.#stored && this.state !== 'failed') await this.#store();
  }

  /** Turns the draft into a note. The field is free at once; a failure puts the text back. Captures take their turn. */
  done(): Promise<Note | null> {
    const text = this.text;
    if (text.trim() === '') return Promise.resolve(null);
    this.#forgetTimers();
    this.#capturing += 1;
    this.text = '';
    this.state = 'empty';
    const done = this.#last.then(() => this.#capture(text));
    this.#last = done;
    return done;
  }

  async #capture(text: string): Promise<Note | null> {
    try {
      await this.#saving;
      const note = await this.#backend.capture({ text, tags: tagsIn(text) });
      this.#stored = '';
      this.problem = null;
      return note;
    } catch (thrown) {
      this.problem = asProblem(thrown);
      this.text = this.text === '' ? text : `${text}\n\n${this.text}`;
      return null;
    } finally {
      this.#capturing -= 1;
      void this.flush();
    }
  }

  async #save(text: string): Promise<void> {
    try {
      await this.#backend.saveDraft({ text });
      this.#stored = text;
      this.problem = null;
      this.#settle();
    } catch (thrown) {
      this.problem = asProblem(thrown);
      this.state = 'failed';
    }
  }

  /** Nothing is to be saved later any more. */
  #forgetTimers(): void {
    clearTimeout(this.#pause);
    clearTimeout(this.#cap);
    this.#pause = this.#cap = undefined;
  }

  /** While somebody types on, nothing is said: it would flicker. */
  #settle(): void {
    if (this.text === this.#stored && this.#pause === undefined) this.state = this.text === '' ? 'empty' : 'saved';
  }
}
