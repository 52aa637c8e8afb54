import { expect, test, vi } from 'vitest';
import { Pages, type Part } from '../src/state/pages.svelte';

function numbers(total: number) {
  const ask = vi.fn(async (skip: number, limit: number): Promise<Part<number>> => {
    const end = Math.min(total, skip + limit);
    return { items: Array.from({ length: Math.max(0, end - skip) }, (_, n) => skip + n), total };
  });
  return { ask, list: new Pages(ask) };
}

function held(list: Pages<number>): number {
  return Array.from({ length: list.total }, (_, at) => list.at(at)).filter((one) => one !== undefined).length;
}

test('a look anywhere is one question, whatever lies before it', async () => {
  const { ask, list } = numbers(50_000);
  await list.load();
  ask.mockClear();
  await list.look(49_900, 49_920);
  expect(ask.mock.calls).toEqual([[49_900, 100]]);
  expect(list.at(49_917)).toBe(49_917);
  expect(list.at(25_000)).toBeUndefined();
});

test('only what lies around is held', async () => {
  const { list } = numbers(50_000);
  await list.load();
  for (let at = 0; at < 50_000; at += 500) await list.look(at, at + 20);
  expect(held(list)).toBeLessThanOrEqual(1100);
});

test('of many looks while one is answered only the last is asked for', async () => {
  const { ask, list } = numbers(50_000);
  await list.load();
  let answer: (part: Part<number>) => void = () => undefined;
  ask.mockImplementationOnce(() => new Promise((resolve) => (answer = resolve)));
  const looking = list.look(10_000, 10_020);
  for (let at = 11_000; at <= 40_000; at += 1000) void list.look(at, at + 20);
  ask.mockClear();
  answer({ items: [], total: 50_000 });
  await looking;
  expect(ask.mock.calls).toEqual([[40_000, 100]]);
});

test('a refresh asks anew for what is looked at, and an outdated answer never lands in it', async () => {
  const { ask, list } = numbers(5000);
  await list.load();
  await list.look(900, 920);
  let late: (part: Part<number>) => void = () => undefined;
  ask.mockImplementationOnce(() => new Promise((resolve) => (late = resolve)));
  const walk = list.look(2000, 2020);
  ask.mockClear();
  await list.load();
  late({ items: [-1], total: 1 });
  await walk;
  expect(ask.mock.calls).toEqual([[2000, 100]]);
  expect([list.at(2000), list.total]).toEqual([2000, 5000]);
});

test('a failure is kept for the screen, and the items stay', async () => {
  const { ask, list } = numbers(1000);
  await list.load();
  ask.mockRejectedValueOnce({ code: 'io', detail: 'disk', hint: '' });
  await list.look(400, 420);
  expect(list.problem?.code).toBe('io');
  expect(list.at(3)).toBe(3);
});
