import { expect, test, vi } from 'vitest';
import { MemoryBackend } from '../src/backend/memory';
import { click, find, open, reads, sees, write } from './world/screen';

test('a conflict that moved on is said and shown anew, and what was written stays', async () => {
  const backend = new MemoryBackend('sample');
  const [conflict] = await backend.conflicts();
  open(backend, `#/conflicts/${conflict!.note}`);
  await write('conflict-merged', 'mine');
  await backend.editNote({ note: conflict!.note, base: conflict!.theirs.id, text: 'newer', tags: [] });
  await click('resolve-merged');
  await reads('error', 'Another version of this note has come since you looked.');
  const sides = () => `${find('conflict-ours')?.textContent} ${find('conflict-theirs')?.textContent}`;
  await vi.waitFor(() => expect(sides()).toContain('newer'));
  expect(find<HTMLTextAreaElement>('conflict-merged')?.value).toBe('mine');
  await click('resolve-merged');
  await vi.waitFor(async () => expect((await backend.note({ note: conflict!.note })).text).toBe('mine'));
});

test('what was written stays on screen when the conflict is settled elsewhere', async () => {
  const backend = new MemoryBackend('sample');
  const [conflict] = await backend.conflicts();
  open(backend, '#/conflicts');
  await write('conflict-merged', 'mine');
  await backend.resolve({ note: conflict!.note, take: { take: 'ours' }, seen: [conflict!.ours.id, conflict!.theirs.id] });
  await sees('conflict-gone');
  expect(find<HTMLTextAreaElement>('conflict-merged')?.value).toBe('mine');
  await click('resolve-merged');
  await vi.waitFor(async () => expect((await backend.note({ note: conflict!.note })).text).toBe('mine'));
});

test('the opened note follows its row when another device writes', async () => {
  const backend = new MemoryBackend('calm');
  open(backend, '#/inbox');
  await click('note-row');
  const { note } = (await sees('note-row')).dataset;
  const before = await backend.note({ note: note! });
  await reads('note-detail', before.text.slice(0, 20));
  await backend.editNote({ note: note!, base: before.id, text: 'later', tags: [] });
  await reads('note-detail', 'later');
  await reads('note-row', 'later');
});

test('a reconcile that the tray began ends in a quiet notice', async () => {
  const backend = new MemoryBackend('sample');
  backend.world.stepMs = 0;
  open(backend, '#/inbox');
  await sees('note-row');
  await backend.reconcile({ device: null });
  await reads('notice', '3 notes from Pixel arrived.');
  expect(find('reconcile-sheet')).toBeNull();
});
