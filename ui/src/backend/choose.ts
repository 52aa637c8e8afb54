import type { Backend } from './backend';

/** Inside the shell there is one backend. Outside it, in a browser, only the in-memory mesh can answer. */
export async function chooseBackend(): Promise<Backend> {
  if ('__TAURI_INTERNALS__' in window) return (await import('./tauri')).tauri;
  const { memoryBackend } = await import('./memory');
  return memoryBackend(new URLSearchParams(location.search));
}
