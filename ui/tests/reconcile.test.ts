import { expect, test } from 'vitest';
import { MemoryBackend } from '../src/backend/memory';
import type { PeerReport, Problem, ReconcileReport } from '../src/backend/types';
import { summaryWords } from '../src/state/reconcile-words';
import { Reconcile } from '../src/state/reconcile.svelte';

function peer(name: string, changes: Partial<PeerReport> = {}): PeerReport {
  const nothing = { round_trips: 1, bytes_in: 0, bytes_out: 0, received: 0, sent: 0, duplicates: 0, quarantined: 0, ms: 1,
    blobs_received: 0, blobs_sent: 0, blob_bytes_in: 0, blob_bytes_out: 0 };
  const ends = { head_before: 'a', head_after: 'a', committed: true, ok: true, error: null, refused: [], stale: [] };
  return { device: name, name, link: 'iroh', ...nothing, ...ends, ...changes };
}

function failed(name: string, code: Problem['code']): PeerReport {
  return peer(name, { ok: false, committed: false, error: { code, detail: '', hint: '' } });
}

const report = (peers: PeerReport[], conflicts = 0): ReconcileReport => ({ head: 'a', conflicts, peers });

const STEP = 'Everything is in step.';
const SAFE = 'Everything written here is safe.';

test.each<[string, ReconcileReport, number, string[]]>([
  ['new notes are called notes', report([peer('Pixel', { received: 3 })]), 3, ['3 notes from Pixel arrived.', STEP]],
  ['one is singular', report([peer('Pixel', { received: 1 })]), 1, ['1 note from Pixel arrived.', STEP]],
  ['edits among them are not', report([peer('Pixel', { received: 3 })]), 2, ['3 changes from Pixel arrived.', STEP]],
  ['what only left is said', report([peer('MacBook', { sent: 2 })]), 0, ['2 changes sent to MacBook.', STEP]],
  ['nothing is a result too', report([peer('MacBook')]), 0, ['Nothing new.', STEP]],
  ['a device that ended at another head is not in step', report([peer('MacBook', { head_after: 'b' })]), 0, ['Nothing new.']],
  ['no peers', report([]), 0, ['There is no other device to reconcile with.']],
  ['a conflict is what needs the person', report([peer('Pixel')], 2), 0, ['Nothing new.', '2 notes need you.']],
  [
    'a device out of reach is named, and what is safe is said',
    report([peer('Pixel', { received: 1 }), failed('Studio', 'offline')]),
    1,
    ['1 note from Pixel arrived.', 'Studio could not be reached.', SAFE],
  ],
  ['stopping is no failure', report([failed('Pixel', 'cancelled')]), 0, ['Stopped. What had arrived is kept.']],
  [
    'stopping comes first, and who was out of reach is still said',
    report([failed('Pixel', 'cancelled'), failed('Studio', 'offline')]),
    0,
    ['Stopped. What had arrived is kept.', 'Studio could not be reached.', SAFE],
  ],
])('%s', (_, given, newNotes, words) => {
  expect(summaryWords(given, (device) => (device === 'Pixel' ? newNotes : 0))).toEqual(words);
});

/** A mesh and its reconciles, with what was said quietly. */
function reconciling() {
  const backend = new MemoryBackend('sample');
  backend.world.stepMs = 0;
  const said: string[] = [];
  const reconcile = new Reconcile(backend, (words) => void said.push(words));
  const seen = new Set<string>();
  backend.onChange((change) => {
    if (change.what === 'progress') reconcile.progress(change.value);
    if (change.what === 'reconciled') reconcile.ended(change.value);
    for (const line of reconcile.lines) seen.add(line.name);
  });
  return { backend, reconcile, said, seen };
}

test('a reconcile shows each device as it goes and ends in words', async () => {
  const { reconcile, said, seen } = reconciling();
  await reconcile.start();
  expect(seen).toEqual(new Set(['MacBook', 'Pixel', 'Mac mini India', 'Studio']));
  expect(reconcile.words[0]).toBe('3 notes from Pixel arrived.');
  expect(reconcile.words).toContain('Studio could not be reached.');
  expect(reconcile.running).toBe(false);
  expect(said).toEqual([]);
});

test('a reconcile that the tray began is told in words, without a sheet', async () => {
  const { backend, reconcile, said } = reconciling();
  await backend.reconcile({ device: null });
  expect(reconcile.open).toBe(false);
  expect(said.length).toBe(1);
  expect(said[0]).toMatch(/^3 notes from Pixel arrived\. .*Studio could not be reached\./);
});

test('a sheet that was closed meanwhile leaves its result as a notice, once', async () => {
  const { backend, reconcile, said } = reconciling();
  const running = reconcile.start();
  reconcile.open = false;
  await running;
  expect(said).toEqual([reconcile.words.join(' ')]);
  reconcile.ended(reconcile.report!);
  expect(said.length).toBe(1);
  await backend.reconcile({ device: null });
  expect(said.length).toBe(2);
});
