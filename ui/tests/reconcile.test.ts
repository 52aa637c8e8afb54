import { expect, test } from 'vitest';
import { MemoryBackend } from '../src/backend/memory';
import type { PeerReport, Problem, ReconcileReport } from '../src/backend/types';
import { summaryWords } from '../src/state/reconcile-words';
import { Reconcile } from '../src/state/reconcile.svelte';

function peer(name: string, changes: Partial<PeerReport> = {}): PeerReport {
  const nothing = { round_trips: 1, bytes_in: 0, bytes_out: 0, received: 0, sent: 0, duplicates: 0, quarantined: 0, ms: 1 };
  const ends = { head_before: 'a', head_after: 'a', committed: true, ok: true, error: null, refused: [] };
  return { device: name, name, link: 'iroh', ...nothing, ...ends, ...changes };
}

function failed(name: string, code: Problem['code']): PeerReport {
  return peer(name, { ok: false, committed: false, error: { code, detail: '', hint: '' } });
}

const report = (peers: PeerReport[], conflicts = 0): ReconcileReport => ({ head: 'a', conflicts, peers });

test.each<[string, ReconcileReport, number, string[]]>([
  ['new notes are called notes', report([peer('Pixel', { received: 3 })]), 3, ['3 notes from Pixel arrived']],
  ['one is singular', report([peer('Pixel', { received: 1 })]), 1, ['1 note from Pixel arrived']],
  ['edits among them are not', report([peer('Pixel', { received: 3 })]), 2, ['3 changes from Pixel arrived']],
  ['what only left is said', report([peer('MacBook', { sent: 2 })]), 0, ['2 changes sent to MacBook']],
  ['nothing is a result too', report([peer('MacBook')]), 0, ['Nothing new. Everything is in step.']],
  ['no peers', report([]), 0, ['There is no other device to reconcile with.']],
  ['a conflict is what needs the person', report([peer('Pixel')], 2), 0, ['2 notes need you']],
  [
    'a device out of reach is named, and what is safe is said',
    report([peer('Pixel', { received: 1 }), failed('Studio', 'offline')]),
    1,
    ['1 note from Pixel arrived', 'Studio could not be reached', 'Everything written here is safe.'],
  ],
  ['stopping is no failure', report([failed('Pixel', 'cancelled')]), 0, ['Stopped. What had arrived is kept.']],
  [
    'stopping comes first, and who was out of reach is still said',
    report([failed('Pixel', 'cancelled'), failed('Studio', 'offline')]),
    0,
    ['Stopped. What had arrived is kept.', 'Studio could not be reached', 'Everything written here is safe.'],
  ],
])('%s', (_, given, newNotes, words) => {
  expect(summaryWords(given, newNotes)).toEqual(words);
});

test('a reconcile shows each device as it goes and ends in words', async () => {
  const backend = new MemoryBackend('sample');
  backend.world.stepMs = 0;
  const reconcile = new Reconcile(backend, async () => (await backend.status()).notes);
  const seen: string[] = [];
  backend.onChange((change) => {
    if (change.what !== 'progress') return;
    reconcile.progress(change.value);
    seen.push(...reconcile.lines.map((line) => line.name));
  });
  await reconcile.start();
  expect(new Set(seen)).toEqual(new Set(['MacBook', 'Pixel', 'Mac mini India', 'Studio']));
  expect(reconcile.words[0]).toBe('3 notes from Pixel arrived');
  expect(reconcile.words).toContain('Studio could not be reached');
  expect(reconcile.running).toBe(false);
});
