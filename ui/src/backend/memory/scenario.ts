import type { Device } from '../types';
import { DISPUTES, INCOMING, SAMPLES, STRANGE } from './texts';
import { fakeHash } from './words';
import { ago, device, identityOf, revision, type StoredNote, type World } from './world';

export const SCENARIOS = [
  'empty',
  'alone',
  'sample',
  'calm',
  'conflict',
  'error',
  'offline',
  'slow',
  'strange',
  'full',
] as const;
export type Scenario = (typeof SCENARIOS)[number];

const FULL_NOTES = 50_000;
const FULL_DEVICES = 500;
const FULL_CONFLICTS = 100;

/** The mesh that a scenario starts with, seen from a phone or from a Mac. */
export function world(scenario: Scenario, phone: boolean): World {
  const base = sample(phone);
  switch (scenario) {
    case 'empty':
      return { ...base, identity: null, devices: [], notes: [], incoming: [] };
    case 'alone':
      return { ...base, devices: base.devices.filter((one) => one.this), notes: [], incoming: [] };
    case 'sample':
      return { ...base, notes: [...DISPUTES.map((_, n) => dispute(base.devices, n)), ...base.notes] };
    case 'calm':
      return {
        ...base,
        devices: base.devices.slice(0, 3).map((one) => ({ ...one, state: 'synced', ahead: 0, behind: 0 })),
        notes: base.notes.map((one) => ({ ...one, saved_on: ['MacBook'] })),
        incoming: [],
      };
    case 'conflict':
      return { ...base, notes: [...range(12).map((n) => dispute(base.devices, n)), ...base.notes] };
    case 'error':
      return { ...base, broken: true };
    case 'offline':
      return {
        ...base,
        cut: true,
        devices: base.devices.map((one) =>
          one.this || one.state === 'revoked' || one.state === 'unknown'
            ? one
            : { ...one, state: 'offline', last_error: 'no network on this device' },
        ),
      };
    case 'slow':
      return { ...base, answerMs: 4000, stepMs: 3000 };
    case 'strange':
      return { ...base, notes: [...STRANGE.map((text, n) => strange(base.devices, text, n)), ...base.notes] };
    case 'full':
      return full(base);
  }
}

function sample(phone: boolean): World {
  const mac = device('Mac mini', 'anchor', 'synced', 0.1);
  const pixel = device('Pixel', 'capture', 'behind', 0.9);
  const macbook = device('MacBook', 'anchor', 'ahead', 3);
  const devices = [
    mac,
    macbook,
    pixel,
    device('Mac mini India', 'node', 'stale', 61),
    device('Old phone', 'capture', 'revoked', 900),
    device('Studio', 'node', 'offline', 30),
    device('New tablet', 'capture', 'unknown', null),
  ];
  const here = phone ? pixel : mac;
  if (phone) mac.state = 'behind';
  here.this = true;
  here.state = 'synced';
  here.behind = 0;
  const by = { mac, pixel, macbook };
  return {
    identity: identityOf(here),
    here: here.device,
    devices,
    places: new Map([
      [mac.device, { place: 'Home', x: 0.3, y: 0.34 }],
      [pixel.device, { place: null, x: 0.52, y: 0.16 }],
      [macbook.device, { place: 'Home', x: 0.2, y: 0.56 }],
      [device('Mac mini India', 'node', 'stale', 0).device, { place: 'In India', x: 0.82, y: 0.3 }],
      [device('Old phone', 'capture', 'revoked', 0).device, { place: null, x: 0.5, y: 0.86 }],
      [device('Studio', 'node', 'offline', 0).device, { place: 'Work', x: 0.68, y: 0.7 }],
      [device('New tablet', 'capture', 'unknown', null).device, { place: null, x: 0.24, y: 0.86 }],
    ]),
    services: sampleServices(here.device),
    notes: SAMPLES.map((one, n) => ({
      note: fakeHash(`note ${n}`),
      revisions: [revision(fakeHash(`note ${n}`), one.text, by[one.by], ago(one.hoursAgo))],
      saved_on: one.shared ? (phone ? ['Mac mini', 'MacBook'] : ['MacBook', 'Pixel']) : [],
      proposal: null,
    })),
    draft: '',
    incoming: phone ? [] : INCOMING,
    broken: false,
    cut: false,
    answerMs: 0,
    stepMs: 350,
  };
}

function sampleServices(on: string): World['services'] {
  const service = (name: string, what: string, probe: string) => ({ name, what, device: on, probe, took_ms: 12, error: null });
  return [
    { ...service('Ollama', 'model', 'http://127.0.0.1:11434/'), state: 'synced', probed: ago(0.01) },
    { ...service('Backup', 'files', 'tcp://nas:445'), state: 'offline', probed: ago(0.02), error: 'connection refused' },
    { ...service('Printer', 'paper', 'ping printer'), state: 'unknown', probed: null, took_ms: null },
  ];
}

function dispute(devices: Device[], n: number): StoredNote {
  const [mac, , pixel] = devices;
  const { base, ours, theirs, proposal } = DISPUTES[n % DISPUTES.length] ?? DISPUTES[0]!;
  const other = mac?.this ? pixel! : mac!;
  const me = mac?.this ? mac : pixel!;
  const note = fakeHash(`dispute ${n}`);
  const first = { ...revision(note, base, me, ago(50 + n)), latest: false };
  return {
    note,
    revisions: [
      revision(note, ours, me, ago(3.1 + n), [first.id]),
      revision(note, theirs, other, ago(2.6 + n), [first.id]),
      first,
    ],
    saved_on: [],
    proposal,
  };
}

function strange(devices: Device[], text: string, n: number): StoredNote {
  const note = fakeHash(`strange ${n}`);
  return { note, revisions: [revision(note, text, devices[0]!, ago(0.1))], saved_on: ['MacBook'], proposal: null };
}

function full(base: World): World {
  const states = ['synced', 'behind', 'ahead', 'stale', 'offline', 'unknown', 'revoked', 'forked', 'conflict'] as const;
  const more = range(FULL_DEVICES - base.devices.length).map((n) =>
    device(`Node ${n + 1}`, 'node', states[n % 11] ?? 'synced', n),
  );
  const places = new Map(base.places);
  more.forEach((one, n) => {
    const angle = n * 2.399963;
    const radius = 0.47 * Math.sqrt((n + 8) / FULL_DEVICES);
    places.set(one.device, { place: null, x: 0.5 + radius * Math.cos(angle), y: 0.5 + radius * Math.sin(angle) });
  });
  const first = base.devices[0]!;
  const notes = range(FULL_NOTES).map((n) => {
    const text = SAMPLES[n % SAMPLES.length]?.text ?? '';
    const note = fakeHash(`full ${n}`);
    return {
      note,
      revisions: [{ ...revision(note, `${n + 1}. ${text}`, first, ago(n / 5)), id: note }],
      saved_on: ['MacBook'],
      proposal: null,
    };
  });
  const disputes = range(FULL_CONFLICTS).map((n) => dispute(base.devices, n));
  return { ...base, devices: [...base.devices, ...more], places, notes: [...disputes, ...notes] };
}

function range(length: number): number[] {
  return Array.from({ length }, (_, n) => n);
}
