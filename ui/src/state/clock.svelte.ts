const TICK_MS = 15_000;

/** The present, for words like "4 min ago". Nothing is drawn anew while the window is hidden. */
class Clock {
  now = $state(Date.now());

  constructor() {
    setInterval(() => {
      if (!document.hidden) this.now = Date.now();
    }, TICK_MS);
    document.addEventListener('visibilitychange', () => (this.now = Date.now()));
  }
}

export const clock = new Clock();
