import { createSubscriber } from 'svelte/reactivity';

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  return () => clearInterval(timer);
});

/** The present to the second, for countdowns. It ticks only while something shows it. */
export const seconds = {
  get now(): number {
    subscribe();
    return Date.now();
  },
};
