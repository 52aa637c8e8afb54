export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'theme';

/** Light, dark, or what the system says; written on the root element for the token sheet. */
export class ThemeChoice {
  choice = $state<Theme>('system');
  #system = window.matchMedia('(prefers-color-scheme: dark)');

  constructor() {
    const stored = localStorage.getItem(KEY);
    this.choice = THEMES.find((theme) => theme === stored) ?? 'system';
    this.#system.addEventListener('change', () => this.#apply());
    this.#apply();
  }

  set(choice: Theme): void {
    this.choice = choice;
    localStorage.setItem(KEY, choice);
    this.#apply();
  }

  #apply(): void {
    const dark = this.choice === 'dark' || (this.choice === 'system' && this.#system.matches);
    document.documentElement.dataset['theme'] = dark ? 'dark' : 'light';
  }
}
