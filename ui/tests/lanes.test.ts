import { expect, test } from 'vitest';
import { lanes } from '../src/lib/lanes';

const row = (id: string, ...parents: string[]) => ({ id, parents });

test('a history without branches is one line', () => {
  const steps = lanes([row('c', 'b'), row('b', 'a'), row('a')]);
  expect(steps.map((step) => step.lane)).toEqual([0, 0, 0]);
  expect(steps[0]?.above).toEqual([]);
  expect(steps[2]?.below).toEqual([]);
});

test('two versions stand side by side and meet in what settled them', () => {
  const steps = lanes([row('merged', 'ours', 'theirs'), row('ours', 'base'), row('theirs', 'base'), row('base')]);
  expect(steps.map((step) => step.lane)).toEqual([0, 0, 1, 0]);
  expect(steps[0]?.below).toEqual([[0, 0], [0, 1]]);
  expect(steps[2]?.below).toEqual([[0, 0], [1, 0]]);
});

test('a parent that is not here ends its line', () => {
  expect(lanes([row('b', 'forgotten')])[0]?.below).toEqual([]);
});
