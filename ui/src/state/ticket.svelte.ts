import type { Backend } from '../backend/backend';
import type { Problem, TicketFacts } from '../backend/types';
import { ticketIn } from '../lib/pairing-link';
import { asProblem } from '../lib/problem';

/** The ticket that a person pastes. It is read at once; the newest text wins. */
export class PastedTicket {
  text = $state('');
  /** What the ticket says; null until it has been understood. */
  facts = $state.raw<TicketFacts | null>(null);
  problem = $state.raw<Problem | null>(null);

  #backend: Backend;
  #turn = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  get ticket(): string {
    return ticketIn(this.text);
  }

  async paste(text: string): Promise<void> {
    const turn = ++this.#turn;
    this.text = text;
    this.facts = null;
    if (this.ticket === '') {
      this.problem = null;
      return;
    }
    try {
      const facts = await this.#backend.readTicket({ ticket: this.ticket });
      if (turn !== this.#turn) return;
      this.facts = facts;
      this.problem = null;
    } catch (thrown) {
      if (turn === this.#turn) this.problem = asProblem(thrown);
    }
  }
}
