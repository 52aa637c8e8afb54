import { expect, test } from 'vitest';

const sources = import.meta.glob<string>('../src/**/*.{ts,svelte,css}', { query: '?raw', import: 'default', eager: true });
const files = Object.entries(sources).map(([path, text]) => ({ path: path.replace('../src/', ''), text }));

test('only src/backend imports @tauri-apps', () => {
  const importers = files.filter(({ text }) => text.includes('@tauri-apps')).map(({ path }) => path);
  expect(importers.length).toBeGreaterThan(0);
  expect(importers.filter((path) => !path.startsWith('backend/'))).toEqual([]);
});

test('files stay under 300 lines', () => {
  // types.ts is generated.
  const long = files.filter(({ path, text }) => path !== 'backend/types.ts' && text.split('\n').length > 300).map(({ path }) => path);
  expect(long).toEqual([]);
});

test('inside the shell the in-memory mesh cannot be chosen', async () => {
  history.replaceState(null, '', '?backend=memory&scenario=sample');
  Object.assign(window, { __TAURI_INTERNALS__: {} });
  const { chooseBackend } = await import('../src/backend/choose');
  const { tauri } = await import('../src/backend/tauri');
  expect(await chooseBackend()).toBe(tauri);
});
