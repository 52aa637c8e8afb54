import type { Map as MeshMap, MapCut, Timeline } from '../types';
import { headOf } from './views';
import type { World } from './world';
import { ago } from './world';

const GOLDEN_ANGLE = 2.399963;

export function mapView(world: World): MeshMap {
  const spot = (id: string, n: number) => {
    const start = { place: null, x: 0.5 + 0.1 * Math.cos(GOLDEN_ANGLE * n), y: 0.5 + 0.1 * Math.sin(GOLDEN_ANGLE * n) };
    return { placed: false, ...(world.places.get(id) ?? start) };
  };
  return {
    head: headOf(world),
    quarantined: 0,
    services_problem: null,
    nodes: [
      ...world.devices.map((one, n) => ({
        id: one.device,
        kind: 'device',
        name: one.name,
        state: one.state,
        tier: null,
        quarantined: one.name === 'Studio' ? 1 : 0,
        service: null,
        ...spot(one.device, n),
      })),
      ...world.services.map(({ name, state, ...service }, n) => ({
        id: `service:${name}`,
        kind: 'service',
        name,
        state,
        tier: null,
        quarantined: 0,
        service,
        ...spot(`service:${name}`, n),
      })),
    ],
    edges: [
      ...world.devices
        .filter((one) => !one.this)
        .map((one) => ({
          from: world.here,
          to: one.device,
          link: one.last_contact === null ? 'none yet' : 'iroh',
          state: one.state,
          lag_events: Math.max(one.ahead, one.behind),
          to_send: one.ahead,
          to_fetch: one.behind,
          last_contact: one.last_contact,
          quality:
            one.last_error !== null
              ? ('failing' as const)
              : one.last_contact === null
                ? ('unused' as const)
                : one.state === 'stale'
                  ? ('old' as const)
                  : ('good' as const),
          exchanges: one.state === 'synced' ? 21 : 4,
        })),
      ...world.services.map((one) => ({
        from: one.device,
        to: `service:${one.name}`,
        link: 'runs on',
        state: one.state,
        lag_events: 0,
        to_send: 0,
        to_fetch: 0,
        last_contact: one.probed,
        quality: one.state === 'synced' ? ('good' as const) : one.state === 'offline' ? ('failing' as const) : ('unused' as const),
        exchanges: 0,
      })),
    ],
  };
}

const LAST = 120;

export function timelineView(world: World): Timeline {
  const lanes = world.devices
    .filter((one) => one.chains.length > 0)
    .slice(0, 200)
    .map((one, n) => ({
      chain: one.chains[0]!.chain,
      device: one.device,
      device_name: one.name,
      parent: null,
      from: 1 + n,
      ticks: Array.from({ length: 24 }, (_, k) => ({ at: 1 + n + k * 4 + ((k * (n + 3)) % 4), events: 1 + (k % 3) })),
    }));
  const marks = world.devices.slice(1, 4).map((one, n) => ({ at: 40 + n * 24, device: one.device, device_name: one.name, when: ago(9 - n) }));
  return { last: LAST, step: 1, lanes, left_out: 0, marks, unplaced_marks: 0 };
}

export function cutView(world: World, at: number): MapCut {
  const devices = world.devices.slice(0, Math.max(1, Math.ceil((world.devices.length * at) / LAST)));
  return {
    at,
    head: headOf(world),
    events: at * 2,
    devices: devices.map((one, n) => ({
      device: one.device,
      name: one.name,
      state: (['synced', 'behind', 'unknown'] as const)[n % 3]!,
      had: at * 2 - n,
      lacked: n % 3 === 2 ? null : n % 3,
      chains: one.chains.map((chain) => ({ ...chain, seq: Math.min(chain.seq, at) })),
      last_event: ago(1),
    })),
  };
}
