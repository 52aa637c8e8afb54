import type { Wanted } from '../backend/backend';
import type { Hit } from '../backend/types';

/** Which notes the list shows. */
export class Filter {
  tag: string | null = $state(null);
  device: string | null = $state(null);
  /** `YYYY-MM-DD`, a day of this device's calendar. */
  day: string | null = $state(null);
  active: boolean = $derived(this.tag !== null || this.device !== null || this.day !== null);
  wanted: Wanted = $derived({ tag: this.tag, device: this.device, ...this.#span() });

  clear(): void {
    this.tag = this.device = this.day = null;
  }

  /** Whether something found is among them. */
  holds(hit: Hit): boolean {
    const { tag, device, since, until } = this.wanted;
    const at = Date.parse(hit.at);
    return (
      (tag === null || hit.tags.includes(tag)) &&
      (device === null || hit.device === device) &&
      (since === null || at >= Date.parse(since)) &&
      (until === null || at < Date.parse(until))
    );
  }

  #span(): { since: string | null; until: string | null } {
    const start = this.day === null ? NaN : Date.parse(`${this.day}T00:00:00`);
    if (Number.isNaN(start)) return { since: null, until: null };
    const next = new Date(start);
    next.setDate(next.getDate() + 1);
    return { since: instant(new Date(start)), until: instant(next) };
  }
}

function instant(at: Date): string {
  return at.toISOString().replace('Z', '+00:00');
}
