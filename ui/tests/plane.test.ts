import { expect, test } from 'vitest';
import type { MapEdge, MapNode } from '../src/backend/types';
import { Layout, WORLD, type Point } from '../src/lib/layout';
import { fit, level, nearest, places, reveal, zoomAt } from '../src/lib/plane';

const node = (id: string, x: number, y: number, more: Partial<MapNode> = {}): MapNode => ({
  id, kind: 'device', name: id, state: 'synced', tier: null, place: null, x, y, placed: false, quarantined: 0, service: null, ...more,
});

/** As the node places the n-th device: a sunflower from the middle, pressed towards the rim. */
const sunflower = (length: number) =>
  Array.from({ length }, (_, n) => {
    const [radius, angle] = [Math.min(0.2 * Math.sqrt(n), 0.45), 2.399963 * n];
    return node(`${n}`, 0.5 + radius * Math.cos(angle), 0.5 + radius * Math.sin(angle));
  });

const closest = (spots: Point[]) => {
  let least = Infinity;
  spots.forEach((a, n) => spots.slice(n + 1).forEach((b) => (least = Math.min(least, Math.hypot(a.x - b.x, a.y - b.y)))));
  return least;
};

test('500 devices come to stand apart, on the plane, and alike each time', () => {
  const nodes = sunflower(500);
  const spots = new Layout().settle(nodes);
  expect(new Layout().settle(structuredClone(nodes))).toEqual(spots);
  expect(closest([...spots.values()])).toBeGreaterThan(70);
  for (const { x, y } of spots.values()) expect(x >= 0 && x <= WORLD && y >= 0 && y <= WORLD).toBe(true);
});

test('nobody moves when another comes, and what a person placed stands where it was put', () => {
  const layout = new Layout();
  const first = layout.settle(sunflower(20));
  const placed = node('5', 0.5, 0.5, { placed: true });
  const after = layout.settle([...sunflower(21).filter((one) => one.id !== '5'), placed]);
  expect(after.get('5')).toEqual({ x: WORLD / 2, y: WORLD / 2 });
  for (const [id, at] of first) if (id !== '5') expect(after.get(id)).toEqual(at);
  expect(after.size).toBe(21);
});

test('an arrow goes along a link that leads its way before what is merely nearer', () => {
  const nodes = [node('a', 0, 0), node('near', 0.5, 0.1), node('linked', 0.6, 0)];
  const spot = (id: string) => nodes.find((one) => one.id === id)!;
  const edge = { from: 'linked', to: 'a' } as MapEdge;
  expect(nearest(nodes, [], nodes[0]!, 'ArrowRight', spot)?.id).toBe('linked');
  const far = [node('a', 0, 0), node('near', 0.5, 0), node('linked', 0.75, 0)];
  const at = (id: string) => far.find((one) => one.id === id)!;
  expect(nearest(far, [], far[0]!, 'ArrowRight', at)?.id).toBe('near');
  expect(nearest(far, [edge], far[0]!, 'ArrowRight', at)?.id).toBe('linked');
  expect(nearest(far, [edge], far[0]!, 'ArrowLeft', at)).toBeNull();
});

test('all of the map fits the window, and what is zoomed at stays where it is', () => {
  const size = { width: 1200, height: 700 };
  const view = fit([{ x: 100, y: 100 }, { x: 2300, y: 1900 }], size);
  for (const point of [{ x: 100, y: 100 }, { x: 2300, y: 1900 }]) {
    expect((point.x - view.x) * view.zoom).toBeGreaterThan(0);
    expect((point.x - view.x) * view.zoom).toBeLessThan(size.width);
    expect((point.y - view.y) * view.zoom).toBeLessThan(size.height);
  }
  const closer = zoomAt(view, { x: 300, y: 200 }, 2);
  expect(closer.x + 300 / closer.zoom).toBeCloseTo(view.x + 300 / view.zoom, 6);
  const moved = reveal({ x: 0, y: 0, zoom: 1 }, { x: 5000, y: 10 }, size);
  expect(moved.x).toBeGreaterThan(3800);
});

test('far away many nodes are marks, and from near by each tells its facts', () => {
  expect(level(0.4, true)).toBe('far');
  expect(level(0.4, false)).toBe('middle');
  expect(level(1.5, true)).toBe('near');
});

test('things of one place share a region with its name', () => {
  const nodes = [node('a', 0, 0, { place: 'Home' }), node('b', 10, 0, { place: 'Home' }), node('c', 5, 5)];
  const [home, ...others] = places(nodes, (id) => nodes.find((one) => one.id === id)!);
  expect(others).toEqual([]);
  expect(home).toMatchObject({ name: 'Home', middle: { x: 5, y: 0 } });
  expect(home!.points).toHaveLength(2);
});
