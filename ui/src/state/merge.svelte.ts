import type { Backend } from '../backend/backend';
import type { Conflict, Problem, Take } from '../backend/types';
import { asProblem } from '../lib/problem';
import type { Loaded } from './loaded.svelte';

/** The conflict that is open, and what the person writes to settle it. What is written outlives every reload. */
export class Merge {
  note: string;
  /** What the person wrote; null while the middle still is what it started from. */
  own: string | null = $state(null);
  busy = $state(false);
  problem = $state.raw<Problem | null>(null);
  /** As it stands now; once it is settled elsewhere, as it last stood. */
  conflict: Conflict = $derived.by(() => (this.#last = this.#find() ?? this.#last));
  gone: boolean = $derived.by(() => this.#find() === null);
  /** Another version came while this one was looked at. */
  overtaken: boolean = $derived.by(() => this.conflict.ours.id !== this.#first.ours.id || this.conflict.theirs.id !== this.#first.theirs.id);
  start: string = $derived.by(() => this.conflict.proposal ?? this.conflict.ours.text);
  text: string = $derived(this.own ?? this.start);
  edited: boolean = $derived(this.text !== this.start);
  /** What the middle would settle it with; null while there is nothing of that sort. */
  take: Take | null = $derived.by(() => {
    if (this.edited) return { take: 'text', text: this.text };
    return this.conflict.proposal === null ? null : { take: 'merged' };
  });

  #backend: Backend;
  #conflicts: Loaded<Conflict[]>;
  #first: Conflict;
  #last: Conflict;

  constructor(backend: Backend, conflicts: Loaded<Conflict[]>, conflict: Conflict) {
    this.#backend = backend;
    this.#conflicts = conflicts;
    this.#first = conflict;
    this.#last = conflict;
    this.note = conflict.note;
  }

  /** Settles what is on screen. When another version has come since, nothing is written and the new one is shown. */
  async settle(take: Take): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    try {
      if (this.gone && take.take === 'text') await this.#revise(take.text);
      else await this.#backend.resolve({ note: this.note, take, seen: [this.conflict.ours.id, this.conflict.theirs.id] });
      this.problem = null;
      return true;
    } catch (thrown) {
      this.problem = asProblem(thrown);
      await this.#conflicts.load();
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** Theirs becomes a note of its own, durable before ours is what stands here. */
  async keepBoth(): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    const { text, tags } = this.conflict.theirs;
    try {
      await this.#backend.capture({ text, tags });
    } catch (thrown) {
      this.problem = asProblem(thrown);
      return false;
    } finally {
      this.busy = false;
    }
    return this.settle({ take: 'ours' });
  }

  /** The conflict is settled already: what was written becomes the next revision. */
  async #revise(text: string): Promise<void> {
    const { id, tags } = await this.#backend.note({ note: this.note });
    await this.#backend.editNote({ note: this.note, base: id, text, tags });
  }

  #find(): Conflict | null {
    return this.#conflicts.value?.find((one) => one.note === this.note) ?? null;
  }
}

/** The conflict to show: the one asked for, or else the one that is being written about, even when it is gone. */
export function pick(conflicts: Conflict[], item: string | null, merge: Merge | null): Conflict | null {
  const wanted = item ?? merge?.note;
  const found = conflicts.find((one) => one.note === wanted);
  return found ?? (merge !== null && merge.note === wanted ? merge.conflict : null);
}
