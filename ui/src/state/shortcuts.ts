import type { App } from './app.svelte';
import { DESKTOP_SCREENS } from './palette';
import type { Screen } from './route.svelte';

export type DesktopScreen = (typeof DESKTOP_SCREENS)[number];

/** Every address leads somewhere in the window: the phone's screens have their place in it. */
export function desktopScreen(screen: Screen): DesktopScreen {
  switch (screen) {
    case 'capture':
    case 'notes':
      return 'inbox';
    case 'mesh':
      return 'map';
    default:
      return screen;
  }
}

/** The window's keys. Single letters work only where nobody is typing. */
export function shortcut(app: App, event: KeyboardEvent): void {
  if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k') {
    event.preventDefault();
    app.palette = !app.palette;
    return;
  }
  if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target) || isAsking()) return;
  const screen = DESKTOP_SCREENS[Number(event.key) - 1];
  if (screen !== undefined) app.route.go(screen);
  else if (event.key === 'n') void app.beginCapture();
  else if (event.key === '/') focusSearch(app);
  else if (event.key === 'r') void app.reconcile.start();
  else if (event.key === '?') app.keys = true;
  else return;
  event.preventDefault();
}

function focusSearch(app: App): void {
  if (desktopScreen(app.route.screen) !== 'inbox') app.route.go('inbox');
  requestAnimationFrame(() => document.querySelector<HTMLElement>('input[type="search"]')?.focus());
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, textarea, select') !== null;
}

function isAsking(): boolean {
  return document.querySelector('dialog[open]') !== null;
}
