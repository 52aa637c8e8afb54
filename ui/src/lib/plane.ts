import type { MapNode } from '../backend/types';

export type Arrow = 'ArrowUp' | 'ArrowDown' | 'ArrowLeft' | 'ArrowRight';
type Point = { x: number; y: number };
type Spot = (id: string) => Point;
export type Region = { name: string; x: number; y: number; width: number; height: number };

const DIRECTIONS: Record<Arrow, Point> = {
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
};

/** How much of the plane the devices use, in the middle of it. */
const USED = 0.65;
const USED_BY_MANY = 0.9;
const MANY = 40;
/** What stands as close as this is not torn apart to the rims. */
const LEAST_ROOM = 0.13;

/** Straying sideways counts more than going far. */
const STRAY = 2;
const AROUND = { x: 100, top: 64, bottom: 84 };

/** Whether there are so many nodes that names would lie over each other. */
export function isDense(nodes: MapNode[]): boolean {
  return nodes.length > MANY;
}

/** Where each node stands in the unit square: as the map says, drawn apart around the middle to use the room. */
export function spread(nodes: MapNode[]): Map<string, Point> {
  const used = isDense(nodes) ? USED_BY_MANY : USED;
  const onto = (axis: 'x' | 'y') => {
    const all = nodes.map((node) => node[axis]);
    const [least, most] = [Math.min(...all), Math.max(...all)];
    const scale = used / Math.max(LEAST_ROOM, most - least);
    return (value: number) => 0.5 + (value - (least + most) / 2) * scale;
  };
  const [x, y] = [onto('x'), onto('y')];
  return new Map(nodes.map((node) => [node.id, { x: x(node.x), y: y(node.y) }]));
}

/** The node that an arrow key leads to; null at the edge. */
export function nearest(nodes: MapNode[], from: MapNode, arrow: Arrow, spot: Spot): MapNode | null {
  const start = spot(from.id);
  const direction = DIRECTIONS[arrow];
  let best: MapNode | null = null;
  let bestCost = Infinity;
  for (const node of nodes) {
    const { x, y } = spot(node.id);
    const along = (x - start.x) * direction.x + (y - start.y) * direction.y;
    if (along <= 0) continue;
    const aside = Math.abs((x - start.x) * direction.y + (y - start.y) * direction.x);
    const cost = along + STRAY * aside;
    if (cost < bestCost) {
      bestCost = cost;
      best = node;
    }
  }
  return best;
}

/** The soft regions around the nodes that share a place. */
export function places(nodes: MapNode[], spot: Spot): Region[] {
  const names = [...new Set(nodes.flatMap((node) => node.place ?? []))];
  return names.map((name) => {
    const points = nodes.filter((node) => node.place === name).map((node) => spot(node.id));
    const left = Math.min(...points.map((point) => point.x)) - AROUND.x;
    const top = Math.min(...points.map((point) => point.y)) - AROUND.top;
    return {
      name,
      x: left,
      y: top,
      width: Math.max(...points.map((point) => point.x)) + AROUND.x - left,
      height: Math.max(...points.map((point) => point.y)) + AROUND.bottom - top,
    };
  });
}
