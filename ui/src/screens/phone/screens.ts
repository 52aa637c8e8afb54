import type { Screen } from '../../state/route.svelte';

export const PHONE_TABS = ['capture', 'notes', 'mesh', 'standup'] as const satisfies Screen[];

export type PhoneTab = (typeof PHONE_TABS)[number];
export type PhoneScreen = PhoneTab | 'conflicts' | 'settings' | 'log';

/** Every address leads somewhere on the phone: the window's screens have their place on it. */
export function phoneScreen(screen: Screen): PhoneScreen {
  switch (screen) {
    case 'inbox':
      return 'notes';
    case 'map':
      return 'mesh';
    default:
      return screen;
  }
}

/** The tab that a screen belongs to. */
export function tabOf(screen: PhoneScreen): PhoneTab {
  switch (screen) {
    case 'conflicts':
      return 'notes';
    case 'settings':
    case 'log':
      return 'mesh';
    default:
      return screen;
  }
}
