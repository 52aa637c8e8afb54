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

/** Straying sideways counts more than going far. */
const STRAY = 2;
const AROUND = { x: 100, top: 64, bottom: 84 };

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
