const SCREENS = [
  'capture',
  'notes',
  'mesh',
  'standup',
  'map',
  'inbox',
  'conflicts',
  'log',
  'settings',
] as const;
export type Screen = (typeof SCREENS)[number];

const HOME: Screen = 'capture';

/** Where the person is: a screen, and what is open on it. Kept in the address, so that Back works. */
export class Route {
  screen = $state<Screen>(HOME);
  /** The note, device or event open on the screen. */
  item = $state<string | null>(null);

  constructor() {
    this.#read();
    window.addEventListener('hashchange', () => this.#read());
  }

  go(screen: Screen, item: string | null = null): void {
    const address = item === null ? `#/${screen}` : `#/${screen}/${encodeURIComponent(item)}`;
    if (location.hash === address) return;
    const beside = this.screen === screen && this.item !== null && item !== null;
    this.screen = screen;
    this.item = item;
    if (beside) location.replace(address);
    else location.hash = address;
  }

  open(item: string | null): void {
    this.go(this.screen, item);
  }

  #read(): void {
    const [, screen, item] = location.hash.split('/');
    this.screen = SCREENS.find((known) => known === screen) ?? HOME;
    this.item = item === undefined || item === '' ? null : decodeURIComponent(item);
  }
}
