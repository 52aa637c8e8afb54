import jsQR from 'jsqr';
import { expect, test, vi } from 'vitest';
import { MemoryBackend } from '../src/backend/memory';
import { PastedTicket } from '../src/state/ticket.svelte';
import { click, find, open, sees } from './world/screen';

/** Pixels a module, as on a phone's camera. */
const SCALE = 4;

/** What a reader that shares no code with ours sees in a drawing. */
function read(svg: Element): string | undefined {
  const side = Number(svg.getAttribute('viewBox')!.split(' ')[2]) * SCALE;
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  for (const [, x, y] of svg.querySelector('path')!.getAttribute('d')!.matchAll(/M(\d+) (\d+)h1v1h-1z/g)) {
    for (let dot = 0; dot < SCALE * SCALE; dot++) {
      const row = Number(y) * SCALE + Math.floor(dot / SCALE);
      pixels.set([0, 0, 0], (row * side + Number(x) * SCALE + (dot % SCALE)) * 4);
    }
  }
  return jsQR(pixels, side, side, { inversionAttempts: 'dontInvert' })?.data;
}

test('the code beside a new ticket is its link, in the dark too', async () => {
  localStorage.setItem('theme', 'dark');
  const backend = new MemoryBackend('sample');
  open(backend, '#/settings');
  await click('invite-button');
  const drawn = await sees('invite-qr');
  const ticket = find('invite-ticket')!.textContent!;
  expect(read(drawn)).toBe(`mirrordna://join#${ticket}`);
  expect(drawn.getAttribute('role')).toBe('img');
  expect(drawn.getAttribute('aria-label')).toContain('below as text');

  // Pasted, what a camera showed is as good as the ticket.
  const pasted = new PastedTicket(backend);
  await pasted.paste(read(drawn)!);
  expect(pasted.ticket).toBe(ticket);
  expect(pasted.problem).toBeNull();
});

test('a code holds a ticket with the longest list of addresses', async () => {
  const backend = new MemoryBackend('sample');
  const long = `mirror1${'q7'.repeat(700)}`;
  const invite = await backend.invite({ role: 'capture' });
  backend.invite = () => Promise.resolve({ ...invite, ticket: long });
  open(backend, '#/settings');
  await click('invite-button');
  expect(read(await sees('invite-qr'))).toBe(`mirrordna://join#${long}`);
});

test('the scanner is offered where there is one, and coming back from it shows what it did', async () => {
  const backend = new MemoryBackend('empty');
  open(backend);
  await click('firstrun-join');
  await sees('join-ticket');
  expect(find('join-scan')).toBeNull();
});

test('on a phone the scanner opens, and the mesh that it joined is there on coming back', async () => {
  const backend = new MemoryBackend('empty');
  const scan = vi.fn(() => Promise.resolve(null));
  backend.scan = scan;
  open(backend);
  await click('firstrun-join');
  await click('join-scan');
  expect(scan).toHaveBeenCalledOnce();
  await backend.join({ ticket: (await new MemoryBackend('sample').invite({ role: 'capture' })).ticket, name: 'Pixel' });
  document.dispatchEvent(new Event('visibilitychange'));
  await vi.waitFor(() => expect(find('firstrun')).toBeNull());
});
