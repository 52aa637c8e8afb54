import type { Backend } from '../backend/backend';
import type { MapNode, SyncState } from '../backend/types';
import { Layout, WORLD, type Point } from '../lib/layout';

/** What the map is narrowed to. */
export type MapFilter = { text: string; state: SyncState | 'any'; kind: string };

const UNDO_KEPT = 100;
const STEPS = 10_000;

/** Where things stand on the map, and what a person does to that. Outlives the screen. */
export class Plane {
  spots = $state.raw<Map<string, Point>>(new Map());
  filter = $state<MapFilter>({ text: '', state: 'any', kind: 'any' });
  /** Moves that can be taken back: what stood where. */
  undoable = $state.raw<{ id: string; from: Point }[]>([]);

  #backend: Backend;
  #layout = new Layout();
  /** Moves that are on their way: until the node has taken them, its answers are of before. */
  #moving = new Map<string, Point>();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  settle(nodes: MapNode[]): void {
    let spots = this.#layout.settle(nodes);
    for (const [id, at] of this.#moving) spots = this.#layout.put(id, at);
    this.spots = spots;
  }

  /** While it is dragged: nothing is said yet. */
  drag(id: string, to: Point): void {
    this.spots = this.#layout.put(id, inside(to));
  }

  /** Puts a thing somewhere, for all devices. */
  async move(id: string, from: Point, to: Point): Promise<void> {
    await this.#say(id, from, to);
    this.undoable = [...this.undoable.slice(-UNDO_KEPT), { id, from }];
  }

  /** Takes the last move back, by another move. */
  async undo(): Promise<string | null> {
    const last = this.undoable.at(-1);
    if (last === undefined) return null;
    this.undoable = this.undoable.slice(0, -1);
    await this.#say(last.id, this.spots.get(last.id) ?? last.from, last.from);
    return last.id;
  }

  async #say(id: string, from: Point, to: Point): Promise<void> {
    const at = inside(to);
    this.#moving.set(id, at);
    this.spots = this.#layout.put(id, at);
    try {
      await this.#backend.mapMove({ node: id, x: at.x / WORLD, y: at.y / WORLD });
    } catch (thrown) {
      this.spots = this.#layout.put(id, from);
      throw thrown;
    } finally {
      if (this.#moving.get(id) === at) this.#moving.delete(id);
    }
  }
}

export function matches(node: MapNode, { text, state, kind }: MapFilter): boolean {
  const words = `${node.name} ${node.place ?? ''} ${node.service?.what ?? ''}`.toLocaleLowerCase();
  return (
    (state === 'any' || node.state === state) &&
    (kind === 'any' || node.kind === kind) &&
    words.includes(text.trim().toLocaleLowerCase())
  );
}

function inside({ x, y }: Point): Point {
  // In the steps that the node keeps, so that nothing stirs when it answers.
  const within = (value: number) => (Math.round((Math.max(0, Math.min(WORLD, value)) / WORLD) * STEPS) / STEPS) * WORLD;
  return { x: within(x), y: within(y) };
}

