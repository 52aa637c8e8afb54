import { expect, test, vi } from 'vitest';
import { Paged, type Page } from '../src/state/paged.svelte';

function numbers(total: number) {
  const ask = vi.fn(async (cursor: string | null, limit: number): Promise<Page<number>> => {
    const start = Number(cursor ?? 0);
    const end = Math.min(total, start + limit);
    const items = Array.from({ length: end - start }, (_, n) => start + n);
    return { items, next: end < total ? String(end) : null, total };
  });
  return { ask, list: new Paged(ask) };
}

test('one page is fetched at first, and more only as far as somebody looks', async () => {
  const { ask, list } = numbers(50_000);
  await list.load();
  expect(ask).toHaveBeenCalledTimes(1);
  expect([list.items.length, list.total]).toEqual([200, 50_000]);
  await list.want(150);
  expect(ask).toHaveBeenCalledTimes(1);
  await list.want(3000);
  expect(list.items.length).toBeGreaterThanOrEqual(3000);
  expect(list.items).toEqual(list.items.map((_, n) => n));
});

test('a refresh asks anew up to where somebody looks', async () => {
  const { ask, list } = numbers(5000);
  await list.load();
  await list.want(900);
  ask.mockClear();
  await list.load();
  expect(list.items.length).toBeGreaterThanOrEqual(900);
  expect(ask.mock.calls[0]).toEqual([null, 200]);
});

test('a page of an outdated walk never lands in the new list', async () => {
  const { ask, list } = numbers(1000);
  await list.load();
  let late: (page: Page<number>) => void = () => undefined;
  ask.mockImplementationOnce(() => new Promise((resolve) => (late = resolve)));
  const walk = list.want(300);
  await list.load();
  late({ items: [-1], next: null, total: 1 });
  await walk;
  expect(list.items).not.toContain(-1);
  expect(list.total).toBe(1000);
});

test('a failure is kept for the screen, and the items stay', async () => {
  const { ask, list } = numbers(1000);
  await list.load();
  ask.mockRejectedValueOnce({ code: 'io', detail: 'disk', hint: '' });
  await list.want(400);
  expect(list.problem?.code).toBe('io');
  expect(list.items.length).toBe(200);
});
