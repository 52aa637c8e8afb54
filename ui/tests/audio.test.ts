import { expect, test, vi } from 'vitest';
import { MemoryBackend } from '../src/backend/memory';
import type { HeardTranscript } from '../src/backend/types';
import { Recording } from '../src/state/audio.svelte';

const BLOB = 'ab'.repeat(32);
const MEGABYTE = 1_048_576;

async function spoken(bytes: number) {
  const backend = new MemoryBackend('calm');
  const stored = backend.world.notes[0]!;
  const segment = (start_ms: number, text: string) => ({ start_ms, end_ms: start_ms + 1000, text, doubt: null });
  const heard: HeardTranscript = {
    transcript: {
      id: 'cd'.repeat(32),
      audio: BLOB,
      text: 'call Asha at four',
      engine: 'whisper.cpp',
      model: 'base',
      model_hash: null,
      language: 'en',
      silent: false,
      doubtful: false,
      at: '2026-11-24T10:00:00+00:00',
      device: 'ef'.repeat(32),
      device_name: 'Mac',
      others: 0,
    },
    segments: [segment(0, 'call Asha'), segment(1500, 'at four')],
  };
  stored.heard = [heard];
  backend.world.content = new Map([[BLOB, new Uint8Array(bytes)]]);
  const made = vi.fn(() => 'blob:sound');
  const gone = vi.fn();
  vi.stubGlobal('URL', Object.assign(URL, { createObjectURL: made, revokeObjectURL: gone }));
  const recording = new Recording(backend);
  await recording.hear(stored.note, BLOB);
  return { backend, recording, made, gone };
}

test('the words follow the sound', async () => {
  const { recording } = await spoken(10);
  recording.at = 0.5;
  expect(recording.current).toBeNull();
  await recording.load(BLOB, 'audio/ogg', 10);
  expect(recording.current?.text).toBe('call Asha');
  recording.at = 1.2;
  expect(recording.current).toBeNull();
  recording.at = 1.5;
  expect(recording.current?.text).toBe('at four');
});

test('a long recording comes piece by piece, once, and is let go', async () => {
  const size = 2 * MEGABYTE + 7;
  const { backend, recording, made, gone } = await spoken(size);
  const asked = vi.spyOn(backend, 'attachmentPiece');
  await Promise.all([recording.load(BLOB, 'audio/ogg', size), recording.load(BLOB, 'audio/ogg', size)]);
  await recording.load(BLOB, 'audio/ogg', size);
  expect(asked.mock.calls.map(([{ from }]) => from)).toEqual([0, MEGABYTE, 2 * MEGABYTE]);
  const [[sound]] = made.mock.calls as unknown as [[Blob]];
  expect([sound.size, sound.type]).toEqual([size, 'audio/ogg']);
  recording.close();
  expect(gone).toHaveBeenCalledWith('blob:sound');
});

test('a recording that is not here, and one too long to be held, say so', async () => {
  const { recording } = await spoken(10);
  await recording.load('00'.repeat(32), 'audio/ogg', 10);
  expect([recording.problem?.code, recording.url]).toEqual(['not_found', null]);
  await recording.load(BLOB, 'audio/ogg', 500 * MEGABYTE);
  expect(recording.problem?.hint).toContain('mirror blob get');
});
