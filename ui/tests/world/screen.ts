import { mount, unmount } from 'svelte';
import { afterEach, expect, vi } from 'vitest';
import App from '../../src/App.svelte';
import type { Backend } from '../../src/backend/backend';

let shown: ReturnType<typeof mount> | null = null;

afterEach(async () => {
  if (shown !== null) await unmount(shown);
  shown = null;
  document.body.innerHTML = '';
  localStorage.clear();
});

/** The whole window, at an address. Elements are named by their `data-testid`. */
export function open(backend: Backend, address = ''): void {
  location.hash = address;
  shown = mount(App, { target: document.body, props: { backend } });
}

export function find<T extends HTMLElement>(testid: string): T | null {
  return document.querySelector<T>(`[data-testid="${testid}"]`);
}

/** Waits for an element. */
export function sees<T extends HTMLElement>(testid: string): Promise<T> {
  return vi.waitFor(() => {
    const found = find<T>(testid);
    expect(found, testid).not.toBeNull();
    return found!;
  });
}

/** Waits until an element says this. */
export async function reads(testid: string, words: string): Promise<void> {
  await vi.waitFor(() => expect(find(testid)?.textContent).toContain(words));
}

export async function click(testid: string): Promise<void> {
  (await sees(testid)).click();
}

/** Puts text in a field, as a person would by pasting it. */
export async function write(testid: string, text: string): Promise<void> {
  const field = await sees<HTMLTextAreaElement>(testid);
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
}
