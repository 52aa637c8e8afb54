import type { Change, Device, PeerReport, Phase, Problem, ReconcileReport } from '../types';
import { headOf, latest } from './views';
import { fakeHash } from './words';
import { revision, type World } from './world';

const CANCELLED: Problem = { code: 'cancelled', detail: 'stopped by the person', hint: '' };
const UNREACHABLE: Problem = {
  code: 'offline',
  detail: 'no answer at 192.168.1.24:41641 within 10 s',
  hint: 'Wake it, or carry a bundle over.',
};

/** Reconciles the peers of a world one after the other, telling of each step. */
export async function exchange(
  world: World,
  only: string | null,
  tell: (change: Change) => void,
  stopped: () => boolean,
): Promise<ReconcileReport> {
  const peers = world.devices.filter(
    (one) => !one.this && one.state !== 'revoked' && one.state !== 'unknown' && (only === null || one.device === only),
  );
  const reports: PeerReport[] = [];
  for (const peer of peers) reports.push(await withPeer(world, peer, tell, stopped));
  const conflicts = world.notes.filter((one) => latest(one).length > 1).length;
  return { head: headOf(world), conflicts, peers: reports };
}

async function withPeer(
  world: World,
  peer: Device,
  tell: (change: Change) => void,
  stopped: () => boolean,
): Promise<PeerReport> {
  const fetch = peer.role === 'capture' ? world.incoming.length : 0;
  const send = world.notes.filter((one) => one.saved_on.length === 0).length;
  const before = headOf(world);
  const step = async (phase: Phase, received = 0, sent = 0) => {
    const facts = { device: peer.device, name: peer.name, phase };
    const value = { ...facts, received, notes: received, to_receive: fetch, sent, to_send: send };
    tell({ what: 'progress', value });
    await new Promise((resolve) => setTimeout(resolve, world.stepMs));
  };
  const end = (ok: boolean, error: Problem | null): PeerReport => ({
    device: peer.device,
    name: peer.name,
    link: 'iroh',
    ok,
    round_trips: ok ? 2 : 0,
    bytes_in: ok ? 300 + fetch * 412 : 0,
    bytes_out: ok ? 280 + send * 398 : 0,
    received: ok ? fetch : 0,
    sent: ok ? send : 0,
    duplicates: 0,
    quarantined: 0,
    blobs_received: 0,
    blobs_sent: 0,
    blob_bytes_in: 0,
    blob_bytes_out: 0,
    refused: [],
    stale: [],
    head_before: before,
    head_after: headOf(world),
    committed: ok,
    ms: world.stepMs * 5,
    error,
  });

  await step('connecting');
  if (world.cut || peer.state === 'offline') {
    await step('failed');
    return end(false, UNREACHABLE);
  }
  await step('comparing');
  await step('exchanging', Math.floor(fetch / 2), Math.floor(send / 2));
  if (stopped()) {
    await step('cancelled');
    return end(false, CANCELLED);
  }
  await step('exchanging', fetch, send);
  await step('committing', fetch, send);
  settle(world, peer, fetch);
  await step('done', fetch, send);
  return end(true, null);
}

function settle(world: World, peer: Device, fetch: number): void {
  const arrived = world.incoming.slice(0, fetch).map((text, n) => {
    const note = fakeHash(`incoming ${text}`);
    const at = new Date(Date.now() - (n + 4) * 600_000).toISOString();
    return { note, revisions: [revision(note, text, peer, at)], saved_on: [peer.name], proposal: null };
  });
  if (fetch > 0) world.incoming = [];
  world.notes = [...arrived, ...world.notes].map((one) =>
    latest(one).length > 1 || one.saved_on.includes(peer.name) || latest(one)[0]?.device === peer.device
      ? one
      : { ...one, saved_on: [...one.saved_on, peer.name] },
  );
  world.devices = world.devices.map((one) =>
    one.device === peer.device
      ? { ...one, state: 'synced', ahead: 0, behind: 0, last_contact: new Date().toISOString(), last_error: null }
      : one,
  );
}
