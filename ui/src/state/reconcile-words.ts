import type { Code, PeerReport, Progress, ReconcileReport } from '../backend/types';
import { t } from '../strings';

/**
 * What a reconcile did, in sentences: what arrived, what needs a person, what could not be done, whether all is in step.
 *
 * `received` counts events, and `newNotes` the new notes among what came from a device. Only when both are the same
 * number is each event a new note, and only then are they called notes.
 */
export function summaryWords(report: ReconcileReport, newNotes: (device: string) => number): string[] {
  if (report.peers.length === 0) return [t.reconcile.nobody];
  const words: string[] = [];
  for (const peer of report.peers) {
    const what = peer.received === newNotes(peer.device) ? 'notes' : 'changes';
    if (peer.received > 0) words.push(t.reconcile.arrived(peer.received, what, peer.name));
  }
  for (const peer of report.peers) {
    if (peer.sent > 0 && peer.received === 0) words.push(t.reconcile.sent(peer.sent, peer.name));
  }
  if (words.length === 0 && report.peers.every((peer) => peer.ok)) words.push(t.reconcile.nothing);
  if (report.conflicts > 0) words.push(t.conflicts.need(report.conflicts));
  words.push(...failures(report.peers));
  if (report.conflicts === 0 && report.peers.every((peer) => peer.ok && peer.head_after === report.head)) {
    words.push(t.reconcile.inStep);
  }
  return words.map((sentence) => `${sentence.replace(/\.$/, '')}.`);
}

function failures(peers: PeerReport[]): string[] {
  const failed = peers.filter((peer) => !peer.ok);
  const because = (code: Code) => failed.filter((peer) => peer.error?.code === code);
  const stopped = because('cancelled');
  const away = because('offline');
  const other = failed.filter((peer) => !stopped.includes(peer) && !away.includes(peer));
  const words = other.map((peer) => t.reconcile.unfinished(peer.name));
  if (away.length > 0) words.unshift(t.reconcile.unreachable(away.map((peer) => peer.name)));
  if (words.length > 0) words.push(t.reconcile.safe);
  if (stopped.length > 0) words.unshift(t.reconcile.stopped);
  return words;
}

/** How far one peer is, from 0 to 1. */
export function fraction(progress: Progress): number {
  switch (progress.phase) {
    case 'connecting':
      return 0.04;
    case 'comparing':
      return 0.12;
    case 'exchanging': {
      const all = progress.to_receive + progress.to_send;
      return all === 0 ? 0.5 : 0.15 + 0.75 * Math.min(1, (progress.received + progress.sent) / all);
    }
    case 'committing':
      return 0.95;
    case 'done':
      return 1;
    case 'failed':
    case 'cancelled':
      return 0;
  }
}
