import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MemoryBackend } from '../src/backend/memory';
import { Draft } from '../src/state/draft.svelte';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function drafting() {
  const backend = new MemoryBackend('alone');
  const saves = vi.spyOn(backend, 'saveDraft');
  return { backend, saves, draft: new Draft(backend) };
}

test('a pause in typing makes the draft durable, once', async () => {
  const { backend, saves, draft } = drafting();
  for (const text of ['s', 'st', 'sta']) draft.type(text);
  expect(draft.state).toBe('typing');
  await vi.advanceTimersByTimeAsync(249);
  expect(saves).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(saves).toHaveBeenCalledTimes(1);
  expect(backend.world.draft).toBe('sta');
  expect(draft.state).toBe('saved');
});

test('leaving the window saves without waiting for the pause', async () => {
  const { backend, draft } = drafting();
  draft.type('half a thought');
  await draft.flush();
  expect(backend.world.draft).toBe('half a thought');
});

test('what was typed before the stored draft arrived is kept', async () => {
  const { backend, draft } = drafting();
  backend.world.draft = 'old';
  const restored = draft.restore();
  draft.type('new');
  await restored;
  expect(draft.text).toBe('new');
});

test('text typed while a save is under way is saved after it', async () => {
  const { backend, saves, draft } = drafting();
  backend.world.answerMs = 100;
  draft.type('one');
  await vi.advanceTimersByTimeAsync(260);
  draft.type('one two');
  await vi.advanceTimersByTimeAsync(1000);
  expect(saves).toHaveBeenCalledTimes(2);
  expect(backend.world.draft).toBe('one two');
  expect(draft.state).toBe('saved');
});

test('done frees the field at once and clears the stored draft only when the note is durable', async () => {
  const { backend, draft } = drafting();
  draft.type('buy lamp oil #home');
  await draft.flush();
  backend.world.answerMs = 100;
  const done = draft.done();
  expect(draft.text).toBe('');
  expect(backend.world.draft).toBe('buy lamp oil #home');
  await vi.advanceTimersByTimeAsync(1000);
  expect((await done)?.tags).toEqual(['home']);
  expect(backend.world.draft).toBe('');
});

test('a capture that fails puts the text back before what was typed since', async () => {
  const { backend, draft } = drafting();
  draft.type('first');
  await draft.flush();
  backend.world.broken = true;
  const done = draft.done();
  draft.type('second');
  await vi.advanceTimersByTimeAsync(1000);
  expect(await done).toBeNull();
  expect(draft.text).toBe('first\n\nsecond');
  expect(draft.problem?.code).toBe('io');
});
