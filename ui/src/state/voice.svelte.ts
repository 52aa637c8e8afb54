import type { Backend, Stop } from '../backend/backend';
import type { Note, Problem, Recording } from '../backend/types';
import { asProblem } from '../lib/problem';

const NONE: Recording = { stage: 'idle', ms: 0, loudness: 0, mute: false, problem: null };

/** The recording that is being made. The backend keeps it; this shows it and passes on what the person does. */
export class Voice {
  now = $state.raw<Recording>(NONE);
  problem = $state.raw<Problem | null>(null);
  /** An answer of the backend is awaited: further taps wait for it. */
  busy = $state(false);
  active: boolean = $derived(this.now.stage !== 'idle');

  #backend: Backend;
  #kept: (note: Note) => void;

  constructor(backend: Backend, kept: (note: Note) => void) {
    this.#backend = backend;
    this.#kept = kept;
  }

  /** Follows the recording, also one that began before this window did. */
  follow(): Stop {
    const stop = this.#backend.onRecording((now) => {
      this.now = now;
      if (now.problem !== null) this.problem = now.problem;
    });
    this.#backend.recording().then(
      (now) => (this.now = now),
      (thrown) => (this.problem = asProblem(thrown)),
    );
    return stop;
  }

  start(): Promise<void> {
    return this.#try(() => this.#backend.startRecording());
  }

  /** Holds it back, or goes on. */
  pause(): Promise<void> {
    return this.#try(() => this.#backend.pauseRecording({ paused: this.now.stage === 'recording' }));
  }

  /** Ends it: it is a note when this returns. */
  stop(): Promise<void> {
    return this.#try(async () => this.#kept(await this.#backend.stopRecording()));
  }

  async #try(act: () => Promise<unknown>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      await act();
      this.problem = null;
    } catch (thrown) {
      this.problem = asProblem(thrown);
    } finally {
      this.busy = false;
    }
  }
}
