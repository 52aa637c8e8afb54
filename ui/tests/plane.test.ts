import { expect, test } from 'vitest';
import type { MapNode } from '../src/backend/types';
import { spread } from '../src/lib/plane';

const node = (id: string, x: number, y: number): MapNode => ({ id, kind: 'device', name: id, state: 'synced', tier: null, place: null, x, y });

/** As the node places the n-th device: a sunflower from the middle. */
const sunflower = (length: number) =>
  Array.from({ length }, (_, n) => {
    const [radius, angle] = [Math.min(0.2 * Math.sqrt(n), 0.45), 2.399963 * n];
    return node(`${n}`, 0.5 + radius * Math.cos(angle), 0.5 + radius * Math.sin(angle));
  });

test.each([2, 3, 7, 20])('%i devices use the middle two thirds of the plane', (devices) => {
  const spots = [...spread(sunflower(devices)).values()];
  for (const axis of ['x', 'y'] as const) {
    expect(Math.min(...spots.map((spot) => spot[axis]))).toBeCloseTo(0.175, 5);
    expect(Math.max(...spots.map((spot) => spot[axis]))).toBeCloseTo(0.825, 5);
  }
});

test('one device stands in the middle, wherever the map says', () => {
  expect(spread([node('a', 0.3, 0.9)]).get('a')).toEqual({ x: 0.5, y: 0.5 });
});

test('two devices stand well apart around the middle', () => {
  const [a, b] = [...spread(sunflower(2)).values()];
  expect(a!.x + b!.x).toBeCloseTo(1, 5);
  expect(Math.hypot(a!.x - b!.x, a!.y - b!.y)).toBeGreaterThan(0.5);
});
