import { expect, test, vi } from 'vitest';
import { MemoryBackend } from '../src/backend/memory';
import { PastedTicket } from '../src/state/ticket.svelte';
import { click, find, open, write } from './world/screen';

/** The join screen of a device that belongs to no mesh yet. */
async function joining() {
  const backend = new MemoryBackend('empty');
  open(backend);
  await click('firstrun-join');
  return { backend, paste: (text: string) => write('join-ticket', text) };
}

test('a pasted ticket shows its digits, and when it expires', async () => {
  const { backend, paste } = await joining();
  const { ticket, digits } = await new MemoryBackend('sample').invite({ role: 'capture' });
  expect(find<HTMLButtonElement>('join-submit')!.disabled).toBe(true);
  await paste(` ${ticket.slice(0, 70)}\n${ticket.slice(70)} `);
  await vi.waitFor(() => expect(find('join-digits')?.textContent).toBe(digits));
  expect(find('join-expires')?.textContent?.trim()).toMatch(/^Expires in (10:00|9:59)$/);
  expect(find<HTMLButtonElement>('join-submit')!.disabled).toBe(false);
  await click('join-submit');
  await vi.waitFor(() => expect(backend.world.identity).not.toBeNull());
});

test('what is no ticket is said at once, and there is no joining with it', async () => {
  const { paste } = await joining();
  await paste('mirror:not-a-ticket');
  await vi.waitFor(() => expect(find('error')?.dataset['code']).toBe('invalid'));
  expect(find('join-digits')).toBeNull();
  expect(find<HTMLButtonElement>('join-submit')!.disabled).toBe(true);
  await paste('');
  await vi.waitFor(() => expect(find('error')).toBeNull());
});

test('the answer to an older text never stands beside a newer one', async () => {
  const backend = new MemoryBackend('sample');
  const { ticket } = await backend.invite({ role: 'capture' });
  const pasted = new PastedTicket(backend);
  const first = pasted.paste(ticket);
  const second = pasted.paste('nothing of the sort');
  await Promise.all([first, second]);
  expect(pasted.facts).toBeNull();
  expect(pasted.problem?.code).toBe('invalid');
});
