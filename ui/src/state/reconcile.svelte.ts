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
  #tell: (words: string) => void;
  /** The last that was heard of each device, whoever began to reconcile with it. */
  #heard = new Map<string, Progress>();

  /** `tell` says quietly how a reconcile ended that no sheet shows. */
  constructor(backend: Backend, tell: (words: string) => void) {
    this.#backend = backend;
    this.#tell = tell;
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
      this.#finish(await this.#backend.reconcile({ device }));
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

  /** A session moved on, whoever began it. */
  progress(progress: Progress): void {
    this.#heard.set(progress.device, progress);
    if (!this.running) return;
    const line = { device: progress.device, name: progress.name, progress, report: null };
    const known = this.lines.some((other) => other.device === progress.device);
    this.lines = known
      ? this.lines.map((other) => (other.device === progress.device ? line : other))
      : [...this.lines, line];
  }

  /** A reconcile ended. One that was begun elsewhere, in the tray, is told in words; the sheet's own is shown there. */
  ended(report: ReconcileReport): void {
    if (this.running || JSON.stringify(report) === JSON.stringify(this.report)) return;
    this.#tell(this.#summary(report).join(' '));
  }

  #finish(report: ReconcileReport): void {
    this.report = report;
    this.words = this.#summary(report);
    this.lines = report.peers.map((peer) => ({
      device: peer.device,
      name: peer.name,
      progress: this.#heard.get(peer.device) ?? null,
      report: peer,
    }));
    if (!this.open) this.#tell(this.words.join(' '));
  }

  #summary(report: ReconcileReport): string[] {
    return summaryWords(report, (device) => this.#heard.get(device)?.notes ?? 0);
  }
}
