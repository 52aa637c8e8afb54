/** Line drawings on a 20 by 20 grid, stroked with the text colour. */
export const ICONS = {
  capture: 'M4 15.5V12l8.6-8.6a1.7 1.7 0 0 1 2.4 0l1.1 1.1a1.7 1.7 0 0 1 0 2.4L7.5 15.5H4ZM11 5l3.5 3.5',
  notes: 'M5 3.5h10v13H5zM8 7.5h4M8 10.5h4',
  mesh: 'M10 4.8 4.8 14.2M10 4.8l5.2 9.4M5.6 15h8.8M10 2.9a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2ZM4.2 13.4a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2ZM15.8 13.4a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2Z',
  map: 'm3.5 5 4.5-1.5L12 5l4.5-1.5V15L12 16.5 8 15l-4.5 1.5zM8 3.5V15M12 5v11.5',
  standup: 'M3.5 15.5h13M6 12.5a4 4 0 0 1 8 0M10 4v2M3.9 7.2l1.3 1.3M16.1 7.2l-1.3 1.3',
  inbox: 'M3.5 11.5 5.5 4h9l2 7.5V16h-13zM3.5 11.5h4l1 2h3l1-2h4',
  conflicts: 'm10 2.8 7.2 7.2-7.2 7.2L2.8 10zM10 7v3.5M10 13v.1',
  log: 'M4 5h.1M4 10h.1M4 15h.1M7.5 5H16M7.5 10H16M7.5 15H16',
  settings: 'M3 6h7M14 6h3M12 4v4M3 14h3M10 14h7M8 12v4',
  search: 'M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM13 13l3.5 3.5',
  reconcile: 'M4 8a6.3 6.3 0 0 1 11-1.5L16.5 8M16.5 4.5V8H13M16 12a6.3 6.3 0 0 1-11 1.5L3.5 12M3.5 15.5V12H7',
  close: 'm5 5 10 10M15 5 5 15',
  back: 'M12.5 4 6.5 10l6 6',
  copy: 'M7.5 7.5h8v9h-8zM5 12.5H4.5v-9h8V5',
  check: 'm4.5 10.5 3.5 3.5 7.5-8',
  archive: 'M3.5 4h13v3.5h-13zM4.5 7.5v8.5h11V7.5M8 10.5h4',
  device: 'M3.5 4.5h13v8.5h-13zM7 16h6',
  microphone: 'M10 2.8a2.4 2.4 0 0 1 2.4 2.4v4.6a2.4 2.4 0 0 1-4.8 0V5.2A2.4 2.4 0 0 1 10 2.8ZM5 9.5a5 5 0 0 0 10 0M10 14.5v3',
  phone: 'M6.5 2.8h7v14.4h-7zM9.5 14.8h1',
  plus: 'M10 4v12M4 10h12',
  list: 'M3.5 5h13M3.5 10h13M3.5 15h13',
  problem: 'M10 3 17.5 16.5h-15zM10 8v4M10 14.2v.1',
} as const;

export type IconName = keyof typeof ICONS;
