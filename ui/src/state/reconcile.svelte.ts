import type { Backend } from '../backend/backend';
import type { PeerReport, Problem, Progress, ReconcileReport } from '../backend/types';
import { asProblem } from '../lib/problem';
import { summaryWords } from './reconcile-words';

/** A device in the sheet: how far it is, and in the end what was done with it. */
export type PeerLine = { device: string; name: string; progress: Progress | null; report: PeerReport | null };

/** One reconcile at a time, and the sheet that shows it. */
export class Reconcile {
  open = $state(false);
  running = $state(false);
  stopping = $state(false);
  lines = $state.raw<PeerLine[]>([]);
  words = $state.raw<string[]>([]);
  report = $state.raw<ReconcileReport | null>(null);
  problem = $state.raw<Problem | null>(null);

  #backend: Backend;
  #countNotes: () => Promise<number>;

  /** `countNotes` tells how many notes there are at this moment. */
  constructor(backend: Backend, countNotes: () => Promise<number>) {
    this.#backend = backend;
    this.#countNotes = countNotes;
  }

  /** Opens the sheet and reconciles with one device, or with all. */
  async start(device: string | null = null): Promise<void> {
    this.open = true;
    if (this.running) return;
    this.running = true;
    this.stopping = false;
    this.lines = [];
    this.words = [];
    this.report = null;
    this.problem = null;
    try {
      const before = await this.#countNotes();
      const report = await this.#backend.reconcile({ device });
      const after = await this.#countNotes();
      this.#finish(report, after - before);
    } catch (thrown) {
      this.problem = asProblem(thrown);
    } finally {
      this.running = false;
    }
  }

  async stop(): Promise<void> {
    if (!this.running || this.stopping) return;
    this.stopping = true;
    try {
      await this.#backend.cancelReconcile();
    } catch (thrown) {
      this.problem = asProblem(thrown);
      this.stopping = false;
    }
  }

  /** A reconcile moved on, here or in another process. */
  progress(progress: Progress): void {
    if (!this.running) return;
    const line = { device: progress.device, name: progress.name, progress, report: null };
    const known = this.lines.some((other) => other.device === progress.device);
    this.lines = known
      ? this.lines.map((other) => (other.device === progress.device ? line : other))
      : [...this.lines, line];
  }

  #finish(report: ReconcileReport, newNotes: number): void {
    this.report = report;
    this.words = summaryWords(report, newNotes);
    this.lines = report.peers.map((peer) => ({
      device: peer.device,
      name: peer.name,
      progress: this.lines.find((line) => line.device === peer.device)?.progress ?? null,
      report: peer,
    }));
  }
}
