import type { Hit } from '../backend/types';
import type { IconName } from '../components/icons';
import { t } from '../strings';
import type { App } from './app.svelte';
import type { Screen } from './route.svelte';
import { THEMES } from './theme.svelte';

export type PaletteItem = { id: string; label: string; icon: IconName; run: () => void };

export const DESKTOP_SCREENS = ['map', 'inbox', 'conflicts', 'standup', 'log', 'settings'] as const satisfies Screen[];

const SHOWN_HITS = 8;

/** What the palette offers for a query: actions and screens that fit it, then notes. */
export function paletteItems(app: App, query: string, hits: Hit[]): PaletteItem[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (item: PaletteItem) => words.every((word) => item.label.toLowerCase().includes(word));
  const notes = hits.slice(0, SHOWN_HITS).map((hit): PaletteItem => ({
    id: hit.note,
    label: hit.snippet,
    icon: 'notes',
    run: () => app.route.go('inbox', hit.note),
  }));
  return [...commands(app).filter(fits), ...notes];
}

function commands(app: App): PaletteItem[] {
  return [
    { id: 'new', label: t.palette.newNote, icon: 'plus', run: () => void app.beginCapture() },
    { id: 'reconcile', label: t.action.reconcile, icon: 'reconcile', run: () => void app.reconcile.start() },
    ...DESKTOP_SCREENS.map((screen): PaletteItem => ({
      id: screen,
      label: t.palette.go(t.nav[screen]),
      icon: screen,
      run: () => app.route.go(screen),
    })),
    ...THEMES.map((theme): PaletteItem => ({
      id: `theme-${theme}`,
      label: t.palette.theme(t.settings[theme]),
      icon: 'settings',
      run: () => app.theme.set(theme),
    })),
    { id: 'keys', label: t.palette.keys, icon: 'list', run: () => (app.keys = true) },
  ];
}
