import { expect, test } from 'vitest';
import { MemoryBackend } from '../src/backend/memory';
import { App } from '../src/state/app.svelte';
import { Filter } from '../src/state/filter.svelte';
import { OpenNote } from '../src/state/note.svelte';

async function opened() {
  const backend = new MemoryBackend('calm');
  const [first] = (await backend.notes({ skip: 0, limit: 1, wanted: new Filter().wanted })).notes;
  const open = new OpenNote(backend, first!.note);
  await open.story.load();
  return { backend, open, first: first! };
}

test('an edit is saved against the revision that was on screen', async () => {
  const { backend, open, first } = await opened();
  open.edit();
  open.text = 'mine';
  open.tags = '#one two one';
  const saved = await open.save();
  expect(saved?.tags).toEqual(['one', 'two']);
  const latest = (await backend.noteHistory({ note: first.note })).at(-1);
  expect(latest?.parents).toEqual([first.id]);
  expect(open.editing).toBe(false);
});

test('an edit that another device overtook says so and keeps both', async () => {
  const { backend, open, first } = await opened();
  open.edit();
  await backend.editNote({ note: first.note, base: first.id, text: 'theirs', tags: [] });
  await open.story.load();
  expect(open.moved).toBe(true);
  open.text = 'mine';
  await open.save();
  expect(open.latest.map((revision) => revision.text).sort()).toEqual(['mine', 'theirs']);
  expect((await backend.conflicts()).length).toBe(1);
});

test('a save that fails keeps the text in the editor', async () => {
  const { backend, open } = await opened();
  open.edit();
  open.text = 'mine';
  backend.world.broken = true;
  expect(await open.save()).toBeNull();
  expect([open.editing, open.text, open.problem?.code]).toEqual([true, 'mine', 'io']);
});

test('a note that changed since it was looked at is not put away, and is shown as it is', async () => {
  const { backend, open, first } = await opened();
  await backend.editNote({ note: first.note, base: first.id, text: 'theirs', tags: [] });
  expect(await open.archive(first.id)).toBe(false);
  expect(open.problem?.code).toBe('conflict');
  expect(open.shown?.text).toBe('theirs');
  expect(await open.archive(open.shown!.id)).toBe(true);
});

test('the row and the opened note show one revision', async () => {
  const app = new App(new MemoryBackend('conflict'));
  await app.notes.load();
  const rows = Array.from({ length: app.notes.total }, (_, at) => app.notes.at(at)!);
  for (const row of rows) {
    const open = new OpenNote(app.backend, row.note);
    await open.story.load();
    expect(open.shown?.id).toBe(row.id);
  }
  const row = rows.find((one) => one.state === 'current')!;
  await app.backend.editNote({ note: row.note, base: row.id, text: 'later', tags: [] });
  const open = new OpenNote(app.backend, row.note);
  await open.story.load();
  app.show(open.story.value!.note);
  expect(app.notes.at(rows.indexOf(row))?.text).toBe('later');
});
