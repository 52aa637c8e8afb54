import type { MapEdge, MapNode, Quality } from './backend/types';
import { count, number } from './numbers';
import { states } from './vocabulary';

const quality: Record<Quality, string> = {
  good: 'Works: the last attempt came through',
  old: 'Not tried today; it worked the last time',
  failing: 'The last attempt failed',
  unused: 'Nothing ever went over it',
};

const kinds: Record<string, string> = { device: 'Devices', service: 'Services', agent: 'Agents' };

/** A service is asked, not reconciled with: its states have words of their own. */
function stateOf(node: MapNode): string {
  if (node.service === null) return states[node.state];
  if (node.state === 'synced') return 'Answers';
  if (node.state === 'offline') return 'Does not answer';
  return node.service.probed === null ? 'Not asked yet' : 'Not asked lately';
}

/** What the map says. */
export const mapWords = {
  stateOf,
  kinds,
  quality,
  label: (name: string, state: string, place: string | null, quarantined: number) =>
    [`${name} ${state}`, place, quarantined > 0 ? mapWords.waiting(quarantined) : null].filter((part) => part !== null).join(', '),
  search: 'Find on the map',
  filterState: 'State',
  filterKind: 'Kind',
  anyState: 'Any state',
  anyKind: 'Everything',
  found: (found: number, all: number) => `${number.format(found)} of ${number.format(all)}`,
  noMatch: 'Nothing on the map matches.',
  undo: 'Undo move',
  undone: 'Put back',
  zoomIn: 'Zoom in',
  zoomOut: 'Zoom out',
  fit: 'Show all',
  place: 'Place',
  noPlace: 'None',
  link: 'Link',
  exchanges: (n: number) => (n === 0 ? 'No reconcile in seven days' : `${count(n, 'reconcile', 'reconciles')} in seven days`),
  missing: 'Missing',
  missingWords: (node: MapNode, edge: MapEdge) => {
    const parts = [];
    if (edge.to_send > 0) parts.push(`There, ${count(edge.to_send, 'event', 'events')} from here: not sent since.`);
    if (edge.to_fetch > 0) parts.push(`Here, ${count(edge.to_fetch, 'event', 'events')} that it told of: not fetched yet.`);
    if (parts.length > 0) return parts.join(' ');
    if (node.state === 'revoked') return 'Nothing new from it is taken.';
    return edge.last_contact === null ? 'Not known: the two never met.' : 'Nothing that is known of.';
  },
  quarantine: 'Waiting',
  waiting: (runs: number) => `${count(runs, 'run', 'runs')} in quarantine`,
  quarantineWords: (runs: number) =>
    `${count(runs, 'run of events', 'runs of events')} came before what they rest on. They are kept, and taken when that comes.`,
  strangers: (runs: number) => `${count(runs, 'run of events', 'runs of events')} of devices that are not known here wait for their causes.`,
  what: 'Kind',
  runsOn: 'Runs on',
  asked: 'Asked',
  took: 'Took',
  ms: (ms: number) => `${number.format(ms)} ms`,
  answer: 'Answer',
  probe: 'Asked by',
  probeFacts: (node: MapNode) => {
    if (node.state === 'synced') return 'The last time it was asked it answered well.';
    if (node.state === 'offline') return 'It is asked again, less and less often.';
    return 'Nothing is said of it until it has been asked.';
  },
  servicesHint: 'It is written down in services.toml in the home.',
  past: 'The past of the mesh, by cause and effect',
  now: 'Now',
  cut: (at: number, events: number | null) =>
    events === null ? `As of ${number.format(at)}` : `As of ${number.format(at)}: ${count(events, 'event', 'events')}`,
  backToNow: 'Back to now',
  legend: (marks: number, unplaced: number, left: number) => {
    const parts = [`${count(marks, 'reconcile', 'reconciles')} marked`];
    if (unplaced > 0) parts.push(`${number.format(unplaced)} earlier without a place`);
    if (left > 0) parts.push(`${count(left, 'older chain', 'older chains')} not shown`);
    return parts.join(', ');
  },
  had: (had: number, events: number) => `had ${number.format(had)} of ${number.format(events)}`,
};
