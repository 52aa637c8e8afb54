import type { MapEdge, MapNode } from '../backend/types';
import type { Point } from './layout';

export type Arrow = 'ArrowUp' | 'ArrowDown' | 'ArrowLeft' | 'ArrowRight';
type Spot = (id: string) => Point;

/** What of the plane is seen: the point at the window's upper left corner, and how large it is drawn. */
export type View = { x: number; y: number; zoom: number };
type Size = { width: number; height: number };
type Box = { left: number; top: number; right: number; bottom: number };

const DIRECTIONS: Record<Arrow, Point> = {
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
};

/** So many nodes that names would lie over each other. */
const MANY = 40;
/** Straying sideways counts more than going far. */
const STRAY = 2;
/** A link leads where its arrow points, if it points there roughly; then it goes before what is merely near. */
const LINK_BONUS = 0.6;
const ZOOM = { least: 0.12, most: 2.5, fit: 1.2 };
/** Room for names at the rim. */
const RIM = { x: 120, top: 84, bottom: 96 };
/** Zoomed in as far as this, facts are told beside the names. */
const NEAR = 1.35;

export function isDense(nodes: MapNode[]): boolean {
  return nodes.length > MANY;
}

/** How much is told of each node: its mark alone, its name and state, or facts too. */
export function level(zoom: number, dense: boolean): 'far' | 'middle' | 'near' {
  if (zoom >= NEAR) return 'near';
  return dense && zoom < 0.75 ? 'far' : 'middle';
}

/** Marks and names keep a readable size on the screen, whatever the zoom. */
export function markScale(zoom: number, dense: boolean): number {
  const largest = dense ? 1.5 : 4;
  return zoom < 1 ? Math.min(1 / zoom, largest) : Math.max(1 / zoom, 0.62);
}

export function bounds(points: Point[]): Box {
  const [xs, ys] = [points.map((point) => point.x), points.map((point) => point.y)];
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

/** The view that shows all of these. */
export function fit(points: Point[], { width, height }: Size): View {
  if (points.length === 0) return { x: 0, y: 0, zoom: 1 };
  const { left, top, right, bottom } = bounds(points);
  const room = { x: Math.max(80, width - 2 * RIM.x), y: Math.max(80, height - RIM.top - RIM.bottom) };
  const zoom = clamp(Math.min(room.x / Math.max(1, right - left), room.y / Math.max(1, bottom - top)), ZOOM.fit);
  const shift = (RIM.bottom - RIM.top) / 2 / zoom;
  return { x: (left + right) / 2 - width / 2 / zoom, y: (top + bottom) / 2 + shift - height / 2 / zoom, zoom };
}

/** Zooms around a point of the window, which stays where it is. */
export function zoomAt(view: View, at: Point, factor: number): View {
  const zoom = clamp(view.zoom * factor, ZOOM.most);
  return { x: view.x + at.x / view.zoom - at.x / zoom, y: view.y + at.y / view.zoom - at.y / zoom, zoom };
}

function clamp(zoom: number, most: number): number {
  return Math.max(ZOOM.least, Math.min(most, zoom));
}

/** Moves the view as little as it takes to show a point. */
export function reveal(view: View, point: Point, { width, height }: Size): View {
  const margin = { x: Math.min(RIM.x, width / 3) / view.zoom, y: Math.min(RIM.top, height / 3) / view.zoom };
  const along = (from: number, span: number, at: number, rim: number) =>
    at < from + rim ? at - rim : at > from + span - rim ? at + rim - span : from;
  return {
    ...view,
    x: along(view.x, width / view.zoom, point.x, margin.x),
    y: along(view.y, height / view.zoom, point.y, margin.y),
  };
}

/** The node that an arrow key leads to: along a link where one leads that way, else the nearest; null at the edge. */
export function nearest(nodes: MapNode[], edges: MapEdge[], from: MapNode, arrow: Arrow, spot: Spot): MapNode | null {
  const start = spot(from.id);
  const direction = DIRECTIONS[arrow];
  const linked = new Set(edges.flatMap(({ from: a, to: b }) => (a === from.id ? [b] : b === from.id ? [a] : [])));
  let best: MapNode | null = null;
  let bestCost = Infinity;
  for (const node of nodes) {
    const { x, y } = spot(node.id);
    const along = (x - start.x) * direction.x + (y - start.y) * direction.y;
    if (along <= 0) continue;
    const aside = Math.abs((x - start.x) * direction.y + (y - start.y) * direction.x);
    const led = linked.has(node.id) && aside <= along ? LINK_BONUS : 1;
    const cost = (along + STRAY * aside) * led;
    if (cost < bestCost) {
      bestCost = cost;
      best = node;
    }
  }
  return best;
}

/** A place as a soft region: a disc around each thing in it, joined to the middle of all. */
export type Region = { name: string; middle: Point; points: Point[]; label: Point };

export function places(nodes: MapNode[], spot: Spot): Region[] {
  const names = [...new Set(nodes.flatMap((node) => node.place ?? []))].sort();
  return names.map((name) => {
    const points = nodes.filter((node) => node.place === name).map((node) => spot(node.id));
    const box = bounds(points);
    const middle = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
    const top = points.reduce((highest, point) => (point.y < highest.y ? point : highest));
    return { name, middle, points, label: { x: top.x, y: top.y } };
  });
}
