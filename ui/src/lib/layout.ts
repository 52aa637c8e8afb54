import { forceCollide, forceSimulation, forceX, forceY, type SimulationNodeDatum } from 'd3-force';
import type { MapNode } from '../backend/types';
import { isDense } from './plane';

export type Point = { x: number; y: number };

/** The plane's side in pixels at zoom 1; a node's place in the unit square times this. */
export const WORLD = 2400;

/** Room that a node keeps around itself: for its name too, where there is room for all of them. */
const ROOM = { device: 92, service: 76 };
const ROOM_AMONG_MANY = { device: 46, service: 40 };
/** Enough to come to rest; then nothing moves any more. Many begin well apart already. */
const STEPS = 120;
const STEPS_OF_MANY = 20;
const GOLDEN_ANGLE = 2.399963;
const SEED_APART = 48;
const RIM = 60;

type Body = SimulationNodeDatum & { id: string; home: Point; room: number };

/**
 * Where things stand. What a person placed stands there. The rest is laid out once, near where the node says, and stays:
 * who comes later finds room among those who are there.
 */
export class Layout {
  #spots = new Map<string, Point>();

  settle(nodes: MapNode[]): Map<string, Point> {
    const known = new Map<string, Point>();
    for (const node of nodes) {
      const here = node.placed ? onto(node) : this.#spots.get(node.id);
      if (here !== undefined) known.set(node.id, here);
    }
    const fresh = nodes.some((node) => !known.has(node.id));
    this.#spots = fresh ? simulate(nodes, known) : known;
    return this.#spots;
  }

  /** Somebody moved it, and the node has not said so yet. */
  put(id: string, at: Point): Map<string, Point> {
    this.#spots = new Map(this.#spots).set(id, at);
    return this.#spots;
  }
}

export function onto(node: { x: number; y: number }): Point {
  return { x: node.x * WORLD, y: node.y * WORLD };
}

/** Seeded by d3 itself, and begun from the nodes' own places: the same nodes come to stand alike on every device. */
function simulate(nodes: MapNode[], known: Map<string, Point>): Map<string, Point> {
  const many = isDense(nodes);
  const room = many ? ROOM_AMONG_MANY : ROOM;
  const bodies: Body[] = nodes
    .map((node, n) => {
      const fixed = known.get(node.id);
      const home = fixed ?? (many ? seed(n) : onto(node));
      const body: Body = { id: node.id, home, room: node.kind === 'device' ? room.device : room.service, x: home.x, y: home.y };
      if (fixed !== undefined) [body.fx, body.fy] = [fixed.x, fixed.y];
      return body;
    });
  forceSimulation(bodies)
    .force('x', forceX<Body>((body) => body.home.x).strength(0.04))
    .force('y', forceY<Body>((body) => body.home.y).strength(0.04))
    .force('room', forceCollide<Body>((body) => body.room).strength(0.9).iterations(2))
    .force('rim', () => bodies.forEach((body) => ([body.x, body.y] = [within(body.x), within(body.y)])))
    .stop()
    .tick(many ? STEPS_OF_MANY : STEPS);
  return new Map(bodies.map((body) => [body.id, known.get(body.id) ?? { x: within(body.x), y: within(body.y) }]));
}

/** The n-th of many, as a seed in a sunflower: each has the same room, and who comes later stands outside. */
function seed(n: number): Point {
  const [radius, angle] = [SEED_APART * Math.sqrt(n + 0.5), GOLDEN_ANGLE * n];
  return { x: WORLD / 2 + radius * Math.cos(angle), y: WORLD / 2 + radius * Math.sin(angle) };
}

function within(value = WORLD / 2): number {
  return Math.max(RIM, Math.min(WORLD - RIM, value));
}
