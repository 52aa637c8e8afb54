import type { Problem } from '../backend/types';
import { asProblem } from '../lib/problem';

/** A skeleton is shown only for waits that a person would notice. */
const SLOW_MS = 150;

/** An answer of the backend, with what a screen needs to draw every stage of waiting for it. */
export class Loaded<T> {
  value = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  slow = $state(false);

  #ask: () => Promise<T>;
  #turn = 0;

  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
  }

  /** Asks again; the old answer stays on screen meanwhile, and a late answer never replaces a newer one. */
  async load(): Promise<void> {
    const turn = ++this.#turn;
    const timer = setTimeout(() => {
      this.slow = turn === this.#turn && this.value === null;
    }, SLOW_MS);
    try {
      const value = await this.#ask();
      if (turn !== this.#turn) return;
      this.value = value;
      this.problem = null;
    } catch (thrown) {
      if (turn === this.#turn) this.problem = asProblem(thrown);
    } finally {
      clearTimeout(timer);
      if (turn === this.#turn) this.slow = false;
    }
  }

  /** Forgets the answer, and any that is still on its way. */
  clear(): void {
    this.#turn += 1;
    this.value = null;
    this.problem = null;
    this.slow = false;
  }
}
