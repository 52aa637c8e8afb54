import type { Problem } from '../backend/types';
import { asProblem } from '../lib/problem';

export type Page<T> = { items: T[]; next: string | null; total: number | null };
export type AskPage<T> = (cursor: string | null, limit: number) => Promise<Page<T>>;

const SLOW_MS = 150;
const PAGE_ITEMS = 200;
const LARGEST_PAGE_ITEMS = 1000;

/** A long list that is fetched page by page, only as far as somebody looks. */
export class Paged<T> {
  items = $state.raw<T[]>([]);
  /** How many there are in all; as far as is known when the backend does not say. */
  total = $state(0);
  problem = $state.raw<Problem | null>(null);
  slow = $state(false);
  /** Something has been answered. */
  ready = $state(false);

  #ask: AskPage<T>;
  #next: string | null = null;
  #wanted = 0;
  #turn = 0;
  #running = false;

  constructor(ask: AskPage<T>) {
    this.#ask = ask;
  }

  /** Somebody looks at the items before `end`. */
  async want(end: number): Promise<void> {
    this.#wanted = end;
    if (!this.ready || this.#running || this.problem !== null) return;
    this.#running = true;
    const turn = this.#turn;
    try {
      while (turn === this.#turn && this.#next !== null && this.items.length < this.#wanted) {
        const page = await this.#ask(this.#next, this.#size(this.items.length));
        if (turn === this.#turn) this.#take([...this.items, ...page.items], page);
      }
    } catch (thrown) {
      if (turn === this.#turn) this.problem = asProblem(thrown);
    } finally {
      if (turn === this.#turn) this.#running = false;
    }
  }

  /** Asks anew from the first item to where somebody looks; the old items stay until then. */
  async load(): Promise<void> {
    const turn = ++this.#turn;
    this.#running = true;
    const timer = setTimeout(() => {
      this.slow = turn === this.#turn && !this.ready;
    }, SLOW_MS);
    try {
      let page = await this.#ask(null, PAGE_ITEMS);
      let items = page.items;
      while (turn === this.#turn && page.next !== null && items.length < this.#wanted) {
        page = await this.#ask(page.next, this.#size(items.length));
        items = [...items, ...page.items];
      }
      if (turn !== this.#turn) return;
      this.#take(items, page);
      this.problem = null;
      this.ready = true;
    } catch (thrown) {
      if (turn === this.#turn) this.problem = asProblem(thrown);
    } finally {
      clearTimeout(timer);
      if (turn === this.#turn) {
        this.#running = false;
        this.slow = false;
      }
    }
  }

  #size(have: number): number {
    return Math.min(LARGEST_PAGE_ITEMS, Math.max(PAGE_ITEMS, this.#wanted - have));
  }

  #take(items: T[], page: Page<T>): void {
    this.items = items;
    this.#next = page.next;
    this.total = page.next === null ? items.length : Math.max(page.total ?? 0, items.length + 1);
  }
}
