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

test('who types without a pause is saved within a second', async () => {
  const { backend, draft } = drafting();
  let text = '';
  for (let key = 0; key < 30; key++) {
    text += 'x';
    draft.type(text);
    await vi.advanceTimersByTimeAsync(100);
    expect(text.length - backend.world.draft.length).toBeLessThanOrEqual(10);
    expect(draft.state).toBe('typing');
  }
  await vi.advanceTimersByTimeAsync(250);
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

test('done frees the field at once and leaves the stored draft to the capture', async () => {
  const { backend, saves, draft } = drafting();
  draft.type('buy lamp oil #home');
  await draft.flush();
  backend.world.answerMs = 100;
  const done = draft.done();
  expect(draft.text).toBe('');
  expect(backend.world.draft).toBe('buy lamp oil #home');
  await vi.advanceTimersByTimeAsync(1000);
  expect((await done)?.tags).toEqual(['home']);
  expect(backend.world.draft).toBe('');
  expect(saves).toHaveBeenCalledTimes(1);
});

test.each([0, 200, 249, 251, 300])('what is captured %i ms after the last key never comes back as a draft', async (pause) => {
  const { backend, saves, draft } = drafting();
  draft.type('buy lamp oil');
  await vi.advanceTimersByTimeAsync(pause);
  backend.world.answerMs = 100;
  const done = draft.done();
  await vi.advanceTimersByTimeAsync(2000);
  await done;
  expect(backend.world.draft).toBe('');
  expect(draft.state).toBe('empty');
  expect(saves.mock.calls.filter(([{ text }]) => text === '')).toEqual([]);
});

test('a save under way ends before the capture begins', async () => {
  const { backend, draft } = drafting();
  const order: string[] = [];
  const { saveDraft, capture } = backend;
  backend.saveDraft = (args) => saveDraft(args).finally(() => order.push('draft'));
  backend.capture = (args) => (order.push('capture'), capture(args));
  backend.world.answerMs = 100;
  draft.type('buy lamp oil');
  await vi.advanceTimersByTimeAsync(260);
  const done = draft.done();
  await vi.advanceTimersByTimeAsync(2000);
  await done;
  expect(order).toEqual(['draft', 'capture']);
  expect(backend.world.draft).toBe('');
});

test('what is typed while the capture is under way is the next draft', async () => {
  const { backend, draft } = drafting();
  backend.world.answerMs = 1000;
  draft.type('first');
  const done = draft.done();
  draft.type('second');
  await vi.advanceTimersByTimeAsync(5000);
  await done;
  expect([draft.text, backend.world.draft, draft.state]).toEqual(['second', 'second', 'saved']);
});

test('done pressed again while a capture is under way captures that text too', async () => {
  const { backend, draft } = drafting();
  const captures = vi.spyOn(backend, 'capture');
  backend.world.answerMs = 1000;
  draft.type('first');
  const first = draft.done();
  draft.type('second');
  const second = draft.done();
  expect(draft.text).toBe('');
  await vi.advanceTimersByTimeAsync(5000);
  expect([(await first)?.text, (await second)?.text]).toEqual(['first', 'second']);
  expect(captures).toHaveBeenCalledTimes(2);
  expect([draft.text, backend.world.draft, draft.state]).toEqual(['', '', 'empty']);
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
