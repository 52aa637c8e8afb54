type Sample = { text: string; by: 'mac' | 'pixel' | 'macbook'; hoursAgo: number; shared: boolean };

/** A week in somebody's notes. */
export const SAMPLES: Sample[] = [
  { text: 'The tray glyph must read at 16 px on a light menu bar. Try three dots, not a ring.', by: 'mac', hoursAgo: 0.2, shared: false },
  { text: 'Call the dentist before Thursday', by: 'pixel', hoursAgo: 0.9, shared: true },
  {
    text: 'Causal order is not clock order. A phone that was off for a week must not jump the queue when it comes back. #protocol',
    by: 'pixel',
    hoursAgo: 2.4,
    shared: true,
  },
  {
    text: '# Reading list\n\n- [Local-first software](https://www.inkandswitch.com/local-first/)\n- *A Philosophy of Software Design*, again\n- The paper on Merkle search trees\n\n> The network is optional.\n\n#reading',
    by: 'macbook',
    hoursAgo: 6,
    shared: true,
  },
  { text: 'Ask Maren whether the second mini can stay at the office over summer', by: 'pixel', hoursAgo: 20, shared: true },
  {
    text: '## Standup page\n\n1. Phone notes first\n2. Then sessions and open loops\n3. Conflicts last, with a count\n\nEach line links to the event it comes from. #standup',
    by: 'mac',
    hoursAgo: 26,
    shared: true,
  },
  { text: 'Bread: 500 g flour, 350 g water, 10 g salt, overnight at 4 \u00b0C', by: 'pixel', hoursAgo: 31, shared: true },
  {
    text: 'Bench, cold start to first paint:\n\n| device | ms |\n|---|---|\n| MacBook | 210 |\n| Pixel | 640 |\n\n```\ncargo xtask bench --only start\n```',
    by: 'macbook',
    hoursAgo: 49,
    shared: true,
  },
  { text: 'A good instrument is quiet at rest. #design', by: 'mac', hoursAgo: 52, shared: true },
  { text: 'Gate code at the cabin changed to the old one', by: 'pixel', hoursAgo: 75, shared: true },
  { text: 'If two devices edit one note, show both. Never choose for the person. #protocol', by: 'mac', hoursAgo: 98, shared: true },
  { text: 'Invoice for the March workshop is still open', by: 'macbook', hoursAgo: 140, shared: true },
];

/** What the phone brings at the next reconcile. */
export const INCOMING = [
  'The 17:10 train has a quiet carriage at the front',
  'Idea: let the standup page show what changed since I last read it',
  'Buy lamp oil',
];

/** Two people who were one person: a base and what each device made of it. */
export const DISPUTES = [
  {
    base: 'Meet Jonas on Friday at 14:00 in the small room. Bring the map prints.',
    ours: 'Meet Jonas on Friday at 15:30 in the small room. Bring the map prints.',
    theirs: 'Meet Jonas on Friday at 14:00 in the library. Bring the map prints and the tape.',
    proposal: 'Meet Jonas on Friday at 15:30 in the library. Bring the map prints and the tape.',
  },
  {
    base: 'Release notes: say that a bundle works over USB.',
    ours: 'Release notes: say plainly that a bundle works over USB, and show the command.',
    theirs: 'Release notes: a bundle over USB is for emergencies.',
    proposal: null,
  },
];

/** What a text field meets in the world. */
export const STRANGE = [
  `${'Donaudampfschifffahrtsgesellschaft'.repeat(600)}`,
  '\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd, \u05d6\u05d4 \u05e4\u05ea\u05e7 \u05de\u05d9\u05de\u05d9\u05df \u05dc\u05e9\u05de\u05d0\u05dc \u05e2\u05dd MirrorDNA \u05d1\u05d0\u05de\u05e6\u05e2 (v1.0).',
  '\u0627\u0644\u0633\u0644\u0627\u0645 \u0639\u0644\u064a\u0643\u0645\n\n\u0647\u0630\u0647 \u0645\u0644\u0627\u062d\u0638\u0629 \u0637\u0648\u064a\u0644\u0629 \u0642\u0644\u064a\u0644\u0627 \u0645\u0639 12:30',
  'Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324a\u0307\u0313\u030d\u0330l\u0310\u0311\u0326g\u0334\u031f\u0300o\u0338\u0322 marks stay in their line',
  '<img src="https://example.org/x.png" onerror="alert(1)"><script>alert(1)</script> [run](javascript:alert(1)) ![chart](https://example.org/chart.png) [site](https://example.org/a?b=c)',
  '\ud83d\udc69\u200d\ud83d\udc69\u200d\ud83d\udc67\u200d\ud83d\udc66 \ud83c\uddee\ud83c\uddf3 \u6c49\u5b57\u3068\u304b\u306a\u3068 \ud55c\uae00',
  '\n\n   \n',
];
