import type { Backend } from '../backend/backend';
import type { Map as MeshMap, MapCut, Problem } from '../backend/types';
import { asProblem } from '../lib/problem';

/** Looking at the mesh as of a cut of its causal past; at none, as it is now. */
export class Scrub {
  at = $state<number | null>(null);
  cut = $state.raw<MapCut | null>(null);
  problem = $state.raw<Problem | null>(null);

  #backend: Backend;
  #asking = false;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Goes to a cut. One question is on its way at a time; the last place asked for is what is shown. */
  async go(at: number): Promise<void> {
    this.at = at;
    if (this.#asking) return;
    this.#asking = true;
    try {
      while (this.at !== null && this.cut?.at !== this.at) {
        const cut = await this.#backend.mapAt({ at: this.at });
        if (this.at !== null) this.cut = cut;
      }
      this.problem = null;
    } catch (thrown) {
      this.problem = asProblem(thrown);
    } finally {
      this.#asking = false;
    }
  }

  now(): void {
    this.at = null;
    this.cut = null;
    this.problem = null;
  }
}

/** The map as of a cut: the devices that were there, by what the chains prove. What was not written down is not shown. */
export function asOf(map: MeshMap, cut: MapCut): MeshMap {
  const then = new Map(cut.devices.map((device) => [device.device, device]));
  const nodes = map.nodes.flatMap((node) => {
    const device = then.get(node.id);
    return device === undefined ? [] : [{ ...node, name: device.name, state: device.state, quarantined: 0 }];
  });
  const edges = map.edges.flatMap((edge) => {
    const there = then.get(edge.to);
    if (there === undefined || !then.has(edge.from)) return [];
    const lag = there.lacked ?? 0;
    return [{ ...edge, state: there.state, lag_events: lag, to_send: lag, to_fetch: 0, exchanges: 0, last_contact: null }];
  });
  return { ...map, head: cut.head, nodes, edges, quarantined: 0 };
}
