import { mapWords } from './strings-map';
import { count, number } from './numbers';
import { audio, filter, history, noteStates, phases, problems, roles, stateFacts, states, voice } from './vocabulary';

export { count };

/** Every word the UI says. */
export const t = {
  product: 'MirrorDNA',
  states,
  stateFacts,
  roles,
  phases,
  noteStates,
  problems,
  voice,
  filter,
  history,

  nav: {
    capture: 'Capture',
    notes: 'Notes',
    mesh: 'Mesh',
    standup: 'Standup',
    map: 'Map',
    inbox: 'Inbox',
    conflicts: 'Conflicts',
    log: 'Log',
    settings: 'Settings',
    main: 'Screens',
  },

  action: {
    done: 'Done',
    save: 'Save',
    cancel: 'Cancel',
    close: 'Close',
    back: 'Back',
    edit: 'Edit',
    archive: 'Archive',
    retry: 'Try again',
    copy: 'Copy',
    copied: 'Copied',
    notCopied: 'The system did not allow copying',
    copyDetails: 'Copy details',
    reconcile: 'Reconcile',
    stop: 'Stop',
    rename: 'Rename',
    revoke: 'Remove from the mesh',
    pairAgain: 'Pair it again',
    invite: 'Invite a device',
    copyMarkdown: 'Copy as Markdown',
  },

  capture: {
    placeholder: 'Write a thought',
    label: 'New note',
    saved: 'Draft saved here',
    saving: 'Saving',
    failed: 'The draft is not saved yet',
    recent: 'Last captured',
    none: 'What you capture shows up here.',
    savedOn: (names: string[]) => {
      const [first, ...rest] = names;
      if (first === undefined) return 'Saved here';
      return rest.length === 0 ? `On ${first}` : `On ${first} and ${number.format(rest.length)} more`;
    },
    kept: 'Note saved',
  },

  audio,
  notes: {
    voice: 'Recording',
    search: 'Search notes',
    clear: 'Clear the search',
    empty: 'No notes yet',
    emptyHint: 'Write one, or reconcile to bring over what another device has.',
    noHits: (query: string) => `Nothing matches \u201c${query}\u201d`,
    noHitsHint: 'Search looks for whole words and their beginnings.',
    hits: (n: number) => `${count(n, 'match', 'matches')}`,
    total: (n: number) => count(n, 'note', 'notes'),
    untitled: 'Empty note',
    history: 'History',
    revision: (n: number) => count(n, 'version', 'versions'),
    tags: 'Tags',
    tagsHint: 'Separated by spaces',
    latest: 'Latest',
    archivedFrom: 'Archived',
    archived: 'Archived. Editing it brings it back.',
    archivedNotice: 'Note archived',
    archiveConfirm: 'Archive this note? It leaves the list; its history stays.',
    inConflict: 'This note has two versions. Choose between them first.',
    moved: 'It changed elsewhere while you wrote. Saving keeps both and asks you to choose.',
    overtaken: 'Another version of this note has come since you looked.',
    savedNotice: 'Note saved',
    open: 'Open note',
    view: 'Read this version',
    current: 'Back to the latest',
  },

  conflicts: {
    none: 'Nothing needs you',
    noneHint: 'When two devices change the same words, both versions wait here.',
    need: (n: number) => (n === 1 ? '1 note needs you' : `${number.format(n)} notes need you`),
    ours: 'Ours',
    theirs: 'Theirs',
    merged: 'Merged',
    base: 'Before both changes',
    showBase: 'Show what it was before',
    hideBase: 'Hide what it was before',
    noBase: 'The two versions share no earlier one.',
    keepOurs: 'Keep ours',
    keepTheirs: 'Keep theirs',
    accept: 'Accept merge',
    saveOwn: 'Save this text',
    clean: 'The changes fit together. This is both.',
    overlap: 'The same words changed on both. This starts from ours: write what should stand.',
    archivedSide: 'Archived there',
    settled: 'Settled. The other version stays in the note\u2019s history.',
    settledElsewhere: 'It was settled on another device before that.',
    look: 'Look at them',
    overtakenHint: 'Look again. What you wrote is still here.',
    gone: 'This was settled on another device. What you wrote is still here: save it, or leave it.',
  },

  mesh: {
    devices: 'Devices',
    thisDevice: 'This device',
    alone: 'Only this device so far',
    aloneHint: 'Invite another, and your notes go to it directly.',
    never: 'Never',
    heads: 'Head',
    chains: 'Chains',
    lag: 'Lag',
    contact: 'Last contact',
    addresses: 'Addresses',
    noAddresses: 'None known',
    lastError: 'Last attempt',
    here: 'You are here',
    lagWords: (ahead: number, behind: number) => {
      if (ahead === 0 && behind === 0) return 'None';
      const parts = [];
      if (ahead > 0) parts.push(`${count(ahead, 'event', 'events')} to send`);
      if (behind > 0) parts.push(`${count(behind, 'event', 'events')} to fetch`);
      return parts.join(', ');
    },
    forks: 'Two histories',
    forkWords: (branches: number, base: number) =>
      `It wrote ${branches} different histories after event ${base}: a copy of it was used, or put back. All are kept.`,
    late: 'After its removal',
    lateWords: (late: number) => `${count(late, 'event', 'events')} kept, without effect`,
    renamed: 'Renamed',
    revokeConfirm: (name: string) =>
      `Remove ${name}? It keeps the notes it has, and nothing new from it is taken. This can\u2019t be undone.`,
    revoked: 'Removed from the mesh',
    map: 'Map',
    list: 'List',
    view: 'View',
    mapLabel: 'The mesh. Arrow keys walk along it, Shift and an arrow moves what has the focus, Enter opens it.',
  },

  map: mapWords,

  summary: {
    synced: 'All in step',
    alone: 'Saved here',
    behind: (names: string[]) => `${list(names)} ${names.length === 1 ? 'has' : 'have'} something new`,
    ahead: (n: number) => (n === 1 ? '1 change waits to be shared' : `${number.format(n)} changes wait to be shared`),
    lastReconcile: 'Reconciled',
    never: 'Not reconciled yet',
  },

  reconcile: {
    title: 'Reconcile',
    running: 'Reconciling',
    stopped: 'Stopped. What had arrived is kept.',
    nobody: 'There is no other device to reconcile with.',
    nothing: 'Nothing new.',
    inStep: 'Everything is in step.',
    arrived: (n: number, what: 'notes' | 'changes', name: string) =>
      `${what === 'notes' ? count(n, 'note', 'notes') : count(n, 'change', 'changes')} from ${name} arrived`,
    sent: (n: number, name: string) => `${count(n, 'change', 'changes')} sent to ${name}`,
    unreachable: (names: string[]) => `${list(names)} could not be reached`,
    unfinished: (name: string) => `${name} did not finish`,
    safe: 'Everything written here is safe.',
    pull: 'Pull to reconcile',
    release: 'Let go to reconcile',
  },

  standup: {
    empty: 'Nothing to report yet',
    emptyHint: 'Notes you capture today are here tomorrow morning.',
    zone: (zone: string) => `The day is counted in ${zone}.`,
    copied: 'Standup copied',
  },

  log: {
    title: 'Log',
    hint: 'Every event, in the order that all devices agree on. Newest first.',
    empty: 'The log is empty',
    emptyHint: 'The first event is written when a mesh is started.',
    event: 'Event',
    previous: 'Previous',
    after: 'Comes after',
    body: 'Body',
    chain: 'Chain',
    lamport: 'Clock',
    branch: 'Branch',
    late: 'Without effect: written after its device was removed',
    lateShort: 'no effect',
    nothing: 'Nothing',
  },

  settings: {
    identity: 'This device',
    name: 'Name',
    role: 'Role',
    mesh: 'Mesh',
    device: 'Device',
    home: 'Kept in',
    keys: 'Secret keys',
    keychain: 'In this system\u2019s keychain',
    keystore: 'Sealed by this phone\u2019s keystore',
    file: 'In a file that only you can read',
    theme: 'Appearance',
    system: 'As the system',
    light: 'Light',
    dark: 'Dark',
  },

  pairing: {
    title: 'Invite a device',
    what: 'What is it?',
    phone: 'A phone',
    computer: 'A computer',
    anchor: 'A computer that may invite others',
    create: 'Make a ticket',
    qr: 'QR code of the ticket, which also stands below as text',
    qrHint: 'A phone: point its camera here.',
    ticket: 'Ticket',
    ticketHint: 'Paste it on the new device under \u201cJoin a mesh\u201d. It works once.',
    digits: 'Six digits',
    digitsHint: 'Both screens show these. If they differ, stop.',
    expires: (left: string) => `Expires in ${left}`,
    expired: 'This ticket has expired.',
    again: 'Make another',
  },

  firstrun: {
    title: 'Your notes, on your devices',
    lead: 'They go from one device to the next directly. Nothing in between keeps a copy.',
    start: 'Start my mesh',
    startHint: 'This is the first device.',
    join: 'Join a mesh',
    joinHint: 'You have a ticket from another device.',
    name: 'Name of this device',
    startSubmit: 'Start',
    ticket: 'Ticket',
    ticketHint: 'On the other device: Invite a device',
    scan: 'Scan its code',
    compare: 'The other screen shows the same. If they differ, stop.',
    joinSubmit: 'Join',
    working: 'One moment',
  },

  palette: {
    label: 'Go to, or find a note',
    empty: 'Nothing found',
    go: (screen: string) => `Go to ${screen}`,
    newNote: 'New note',
    keys: 'Show keys',
    theme: (name: string) => `Appearance: ${name.toLowerCase()}`,
  },

  keys: {
    title: 'Keys',
    palette: 'Everything',
    help: 'These keys',
    capture: 'New note',
    search: 'Search',
    done: 'Finish the note',
    reconcile: 'Reconcile',
    close: 'Close',
    move: 'Move on the map or in a list',
    screens: 'Go to a screen',
  },

  error: {
    more: 'What exactly',
    copied: 'Details copied',
  },
  loading: 'Loading',
  copyHash: (hash: string) => `Copy ${hash}`,
};

function list(names: string[]): string {
  return new Intl.ListFormat('en', { type: 'conjunction' }).format(names);
}
