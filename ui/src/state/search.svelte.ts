import type { Backend } from '../backend/backend';
import type { Hit, Problem } from '../backend/types';
import { asProblem } from '../lib/problem';

const PAUSE_MS = 60;
const LIMIT = 200;

/** Search as one types: the newest question wins, and the last hits stay until it is answered. */
export class Search {
  query = $state('');
  hits = $state.raw<Hit[]>([]);
  problem = $state.raw<Problem | null>(null);
  /** The query that `hits` answer. */
  answered = $state('');

  #backend: Backend;
  #turn = 0;
  #asking = false;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  get active(): boolean {
    return this.query.trim() !== '';
  }

  type(query: string): void {
    this.query = query;
    clearTimeout(this.#timer);
    if (this.active) this.#timer = setTimeout(() => void this.load(), PAUSE_MS);
    else this.#forget();
  }

  /** Asks the present question again. */
  async load(): Promise<void> {
    if (!this.active) return;
    // One question at a time: a slow answer must not make the next ones slower.
    if (this.#asking) {
      this.#again = true;
      return;
    }
    this.#asking = true;
    do {
      this.#again = false;
      await this.#ask(this.query.trim());
    } while (this.#again && this.active);
    this.#asking = false;
  }

  async #ask(query: string): Promise<void> {
    const turn = this.#turn;
    try {
      const hits = await this.#backend.search({ query, limit: LIMIT });
      if (turn !== this.#turn) return;
      this.hits = hits;
      this.problem = null;
      this.answered = query;
    } catch (thrown) {
      if (turn === this.#turn) this.problem = asProblem(thrown);
    }
  }

  #forget(): void {
    this.#turn += 1;
    this.hits = [];
    this.problem = null;
    this.answered = '';
  }
}
