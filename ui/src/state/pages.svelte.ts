import type { Problem } from '../backend/types';
import { asProblem } from '../lib/problem';

/** A part of a list, from a place in it. */
export type Part<T> = { items: T[]; total: number };
export type AskPart<T> = (skip: number, limit: number) => Promise<Part<T>>;

const SLOW_MS = 150;
const PAGE_ITEMS = 100;
/** Pages that are kept on each side of what is looked at. */
const AROUND = 5;

/** A long list that is held only where somebody looks, and can be looked at anywhere. */
export class Pages<T> {
  total = $state(0);
  problem = $state.raw<Problem | null>(null);
  slow = $state(false);
  /** Something has been answered. */
  ready = $state(false);

  #pages = $state.raw(new Map<number, T[]>());
  #ask: AskPart<T>;
  #first = 0;
  #end = 1;
  #turn = 0;
  #running = false;

  constructor(ask: AskPart<T>) {
    this.#ask = ask;
  }

  /** The item at a place; undefined while it is not here. */
  at(index: number): T | undefined {
    return this.#pages.get(Math.floor(index / PAGE_ITEMS))?.[index % PAGE_ITEMS];
  }

  /** Each of the items that are here, changed. */
  change(change: (item: T) => T): void {
    this.#pages = new Map([...this.#pages].map(([page, items]) => [page, items.map(change)]));
  }

  /** Somebody looks at these places. Only the last ones asked for are fetched, however far a finger flings the list. */
  async look(first: number, end: number): Promise<void> {
    this.#first = first;
    this.#end = Math.max(end, first + 1);
    if (!this.ready || this.#running || this.problem !== null) return;
    this.#running = true;
    const turn = this.#turn;
    try {
      for (let page = this.#missing(); page !== null; page = this.#missing()) {
        const part = await this.#ask(page * PAGE_ITEMS, PAGE_ITEMS);
        if (turn !== this.#turn) return;
        this.#put(page, part);
      }
    } catch (thrown) {
      if (turn === this.#turn) this.problem = asProblem(thrown);
    } finally {
      if (turn === this.#turn) this.#running = false;
    }
  }

  /** Asks anew for what is looked at; the old items stay until then. */
  async load(): Promise<void> {
    const turn = ++this.#turn;
    this.#running = true;
    const timer = setTimeout(() => {
      this.slow = turn === this.#turn && !this.ready;
    }, SLOW_MS);
    try {
      const wanted = this.#looked();
      const parts = await Promise.all(wanted.map((page) => this.#ask(page * PAGE_ITEMS, PAGE_ITEMS)));
      if (turn !== this.#turn) return;
      this.#pages = new Map(parts.map((part, at) => [wanted[at]!, part.items]));
      this.total = parts[0]?.total ?? 0;
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
    if (turn === this.#turn && this.ready) void this.look(this.#first, this.#end);
  }

  /** Forgets everything, for a list of other things. */
  clear(): void {
    this.#turn += 1;
    this.#running = false;
    this.#pages = new Map();
    this.#first = 0;
    this.#end = 1;
    this.ready = false;
  }

  #looked(): number[] {
    const first = Math.floor(this.#first / PAGE_ITEMS);
    const last = Math.floor((this.#end - 1) / PAGE_ITEMS);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  }

  #missing(): number | null {
    return this.#looked().find((page) => page * PAGE_ITEMS < this.total && !this.#pages.has(page)) ?? null;
  }

  #put(page: number, part: Part<T>): void {
    const near = [...this.#pages].filter(([other]) => Math.abs(other - page) <= AROUND);
    this.#pages = new Map([...near, [page, part.items]]);
    this.total = part.total;
  }
}
