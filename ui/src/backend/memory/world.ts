import type {
  Attachment,
  Device,
  Fork,
  HeardTranscript,
  Identity,
  Revision,
  Service as ServiceView,
  SyncState,
} from '../types';
import { fakeHash } from './words';

export type StoredNote = {
  note: string;
  revisions: Revision[];
  saved_on: string[];
  proposal: string | null;
  attachments?: Attachment[];
  heard?: HeardTranscript[];
};

export type Service = ServiceView & { name: string; state: SyncState };

/** A mesh as the in-memory backend keeps it. */
export type World = {
  identity: Identity | null;
  here: string;
  devices: Device[];
  places: Map<string, { place: string | null; x: number; y: number; placed?: boolean }>;
  services: Service[];
  notes: StoredNote[];
  /** What attachments hold, by blob. */
  content?: Map<string, Uint8Array<ArrayBuffer>>;
  draft: string;
  /** Notes that the phone holds and this device does not. */
  incoming: string[];
  /** Every question fails. */
  broken: boolean;
  /** No peer answers. */
  cut: boolean;
  answerMs: number;
  stepMs: number;
};

export const HOUR_MS = 3_600_000;

export function ago(hours: number): string {
  return new Date(Date.now() - hours * HOUR_MS).toISOString();
}

function forkOf(name: string): Fork {
  const branch = (side: string, seq: number) => ({
    first: fakeHash(`first ${side} ${name}`),
    seq,
    tip: fakeHash(`tip ${side} ${name}`),
    signature: fakeHash(`signature ${side} ${name}`).repeat(2),
  });
  return { chain: fakeHash(`chain ${name}`), base: 31, branches: [branch('one', 40), branch('other', 36)] };
}

/** A device as one that has been in touch. */
export function device(name: string, role: Device['role'], state: SyncState, hours: number | null): Device {
  const id = fakeHash(`device ${name}`);
  return {
    device: id,
    name,
    role,
    state,
    last_contact: hours === null ? null : ago(hours),
    forked: state === 'forked',
    forks: state === 'forked' ? [forkOf(name)] : [],
    late: state === 'revoked' ? 1 : 0,
    this: false,
    ahead: state === 'ahead' ? 2 : 0,
    behind: state === 'behind' ? 3 : 0,
    addresses: state === 'unknown' ? [] : [`192.168.1.${20 + (name.length % 60)}:41641`, '100.84.12.7:41641'],
    last_error: state === 'offline' ? 'no answer at 192.168.1.24:41641 within 10 s' : null,
    chains:
      state === 'unknown'
        ? []
        : [{ chain: fakeHash(`chain ${name}`), device: id, seq: 40 + name.length * 7, tip: fakeHash(`tip ${name}`) }],
  };
}

export function identityOf(device: Device): Identity {
  return {
    device: device.device,
    mesh: fakeHash('mesh'),
    name: device.name,
    role: device.role,
    home: device.role === 'capture' ? 'app storage' : '~/.mirror',
    keys: device.role === 'capture' ? 'file' : 'keychain',
  };
}

export function revision(
  note: string,
  text: string,
  by: Device,
  at: string,
  parents: string[] = [],
  archived = false,
): Revision {
  return {
    id: fakeHash(`${note} ${text.length > 200 ? text.length : text} ${at} ${by.name}`),
    parents,
    text,
    tags: [...text.matchAll(/(?:^|\s)#(\p{L}+)/gu)].map((match) => match[1] ?? ''),
    at,
    device: by.device,
    device_name: by.name,
    archived,
    latest: true,
  };
}
