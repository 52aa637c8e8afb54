import type { Problem, TicketFacts } from '../types';
import { fakeHash } from './words';
import { ago } from './world';

const TICKET = /^mirror1[0-9a-f]{192}$/;
const MINUTES_10 = 1 / 6;

/** What a ticket of the in-memory mesh says. */
export function ticketView(ticket: string): TicketFacts {
  if (!TICKET.test(ticket.trim())) {
    const detail = 'expected "mirror1" and 192 hexadecimal characters';
    throw { code: 'invalid', detail, hint: 'Copy the whole ticket, from the first letter to the last.' } satisfies Problem;
  }
  const digits = String(parseInt(fakeHash(ticket.trim()).slice(0, 8), 16) % 1_000_000).padStart(6, '0');
  return { digits, expires: ago(-MINUTES_10) };
}
