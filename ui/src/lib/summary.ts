import type { Status } from '../backend/types';
import { t } from '../strings';

/** The state of this device in a few words, what needs the person first. */
export function summary(status: Status): string {
  if (status.conflicts > 0) return t.conflicts.need(status.conflicts);
  const peers = status.devices.filter((device) => !device.this && device.state !== 'revoked');
  if (peers.length === 0) return t.summary.alone;
  const holders = peers.filter((device) => device.behind > 0).map((device) => device.name);
  if (holders.length > 0) return t.summary.behind(holders);
  if (status.unreconciled > 0) return t.summary.ahead(status.unreconciled);
  return status.state === 'synced' ? t.summary.synced : t.states[status.state];
}
