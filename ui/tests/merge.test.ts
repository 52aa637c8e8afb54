import { expect, test } from 'vitest';
import { MemoryBackend } from '../src/backend/memory';
import { latest } from '../src/backend/memory/views';
import { Loaded } from '../src/state/loaded.svelte';
import { Merge, pick } from '../src/state/merge.svelte';

async function opened() {
  const backend = new MemoryBackend('conflict');
  const conflicts = new Loaded(() => backend.conflicts());
  await conflicts.load();
  const [first, second] = conflicts.value!;
  return { backend, conflicts, first: first!, second: second!, merge: new Merge(backend, conflicts, first!) };
}

test('what is on screen is what is settled', async () => {
  const { backend, first, merge } = await opened();
  expect(await merge.settle({ take: 'theirs' })).toBe(true);
  expect((await backend.note({ note: first.note })).text).toBe(first.theirs.text);
});

test('a version that came since is shown, and what was written stays', async () => {
  const { backend, first, merge } = await opened();
  merge.own = 'mine';
  await backend.editNote({ note: first.note, base: first.theirs.id, text: 'newer', tags: [] });
  expect(await merge.settle(merge.take!)).toBe(false);
  expect(merge.problem?.code).toBe('conflict');
  expect(merge.overtaken).toBe(true);
  expect(merge.text).toBe('mine');
  expect([merge.conflict.ours.text, merge.conflict.theirs.text]).toContain('newer');
  expect(await merge.settle(merge.take!)).toBe(true);
  expect((await backend.note({ note: first.note })).text).toBe('mine');
});

test('what was written outlives a settling elsewhere, and can still be saved', async () => {
  const { backend, conflicts, first, second, merge } = await opened();
  merge.own = 'mine';
  await backend.resolve({ note: first.note, take: { take: 'ours' }, seen: [first.ours.id, first.theirs.id] });
  await conflicts.load();
  expect([merge.gone, merge.text]).toEqual([true, 'mine']);
  expect(pick(conflicts.value!, null, merge)?.note).toBe(first.note);
  expect(pick(conflicts.value!, second.note, merge)?.note).toBe(second.note);
  expect(await merge.settle({ take: 'text', text: merge.text })).toBe(true);
  const heads = latest(backend.world.notes.find((one) => one.note === first.note)!);
  expect(heads.map((one) => one.text)).toEqual(['mine']);
});

test('a newer conflict does not push aside the one that is written about', async () => {
  const { conflicts, second, merge, backend } = await opened();
  const other = new Merge(backend, conflicts, second);
  expect(pick(conflicts.value!, null, null)).toBeNull();
  expect(pick(conflicts.value!, null, other)?.note).toBe(second.note);
  expect(merge.gone).toBe(false);
});
