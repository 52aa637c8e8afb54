/** What a browser has and jsdom lacks: a window of a desktop's size, in light. */
window.matchMedia = (media) => Object.assign(new EventTarget(), { media, matches: false }) as unknown as MediaQueryList;

/** Nothing is laid out, so nothing changes its size. */
window.ResizeObserver = class {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
};
