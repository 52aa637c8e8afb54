const SHOWN_MS = 4000;

/** One quiet sentence about what was just done; screen readers hear it. */
export class Notice {
  text = $state('');
  /** Said to screen readers only: the screen shows it already. */
  unseen = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;

  say(text: string, unseen = false): void {
    clearTimeout(this.#timer);
    this.text = text;
    this.unseen = unseen;
    this.#timer = setTimeout(() => (this.text = ''), SHOWN_MS);
  }
}
