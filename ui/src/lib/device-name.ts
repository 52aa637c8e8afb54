/** A name to start from: what the platform says about itself, in words that a person would use. */
export function defaultDeviceName(agent: string): string {
  const android = /Android [^;)]+; ([^;)]+?)(?: Build|[;)])/.exec(agent)?.[1]?.trim();
  if (android !== undefined && android !== 'K' && android !== 'wv') return android;
  if (/Android|iPhone/.test(agent)) return 'Phone';
  if (/Macintosh|Mac OS/.test(agent)) return 'Mac';
  return 'Computer';
}
