import type { Backend } from '../backend/backend';
import type { HeardTranscript, Problem, TranscriptSegment } from '../backend/types';
import { asProblem } from '../lib/problem';

/** A recording is held whole while it is open: some hours of speech. */
const MAX_BYTES = 128 * 1_048_576;

/** One recording: its sound, fetched piece by piece when it is first played, and what was heard in it. */
export class Recording {
  heard = $state.raw<HeardTranscript | null>(null);
  url = $state<string | null>(null);
  problem = $state.raw<Problem | null>(null);
  loading = $state(false);
  /** Where the player is, in seconds. */
  at = $state(0);
  current = $derived(this.#current());

  #backend: Backend;
  #closed = false;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async hear(note: string, audio: string): Promise<void> {
    try {
      this.heard = await this.#backend.transcript({ note, audio });
    } catch (thrown) {
      this.problem = asProblem(thrown);
    }
  }

  /** Makes the sound ready to be played; once. */
  async load(blob: string, media: string, size: number): Promise<void> {
    if (this.url !== null || this.loading) return;
    this.loading = true;
    this.problem = null;
    try {
      if (size > MAX_BYTES) throw tooLarge(size);
      const pieces: ArrayBuffer[] = [];
      for (let from = 0; from < size && !this.#closed; ) {
        const piece = await this.#backend.attachmentPiece({ blob, from });
        if (piece.byteLength === 0) break;
        pieces.push(piece);
        from += piece.byteLength;
      }
      if (!this.#closed) this.url = URL.createObjectURL(new Blob(pieces, { type: media }));
    } catch (thrown) {
      this.problem = asProblem(thrown);
    } finally {
      this.loading = false;
    }
  }

  close(): void {
    this.#closed = true;
    if (this.url !== null) URL.revokeObjectURL(this.url);
    this.url = null;
  }

  #current(): TranscriptSegment | null {
    const ms = this.at * 1000;
    if (this.url === null) return null;
    return this.heard?.segments.find((one) => one.start_ms <= ms && ms < one.end_ms) ?? null;
  }
}

function tooLarge(size: number): Problem {
  const detail = `the recording has ${size} bytes, ${MAX_BYTES} can be played here`;
  return { code: 'invalid', detail, hint: 'Write it to a file with mirror blob get, and play that.' };
}
