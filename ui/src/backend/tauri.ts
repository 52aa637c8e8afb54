import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import { SHELL_SCREENS, type Backend, type ShellScreen, type Stop } from './backend';
import type { Change, Recording } from './types';

/** The node behind the Tauri shell. */
export const tauri: Backend = {
  status: () => invoke('status'),
  init: (args) => invoke('init', args),
  join: (args) => invoke('join', args),
  readTicket: (args) => invoke('read_ticket', args),
  invite: (args) => invoke('invite', args),
  capture: (args) => invoke('capture', args),
  draft: () => invoke('draft'),
  saveDraft: (args) => invoke('save_draft', args),
  recording: () => invoke('recording'),
  startRecording: () => invoke('start_recording'),
  pauseRecording: (args) => invoke('pause_recording', args),
  stopRecording: () => invoke('stop_recording'),
  notes: (args) => invoke('notes', args),
  note: (args) => invoke('note', args),
  noteHistory: (args) => invoke('note_history', args),
  noteChanges: (args) => invoke('note_changes', args),
  transcript: (args) => invoke('transcript', args),
  attachmentPiece: (args) => invoke('attachment_piece', args),
  editNote: (args) => invoke('edit_note', args),
  archiveNote: (args) => invoke('archive_note', args),
  search: (args) => invoke('search', args),
  conflicts: () => invoke('conflicts'),
  resolve: (args) => invoke('resolve', args),
  reconcile: (args) => invoke('reconcile', args),
  cancelReconcile: () => invoke('cancel_reconcile'),
  map: () => invoke('map'),
  mapMove: (args) => invoke('map_move', args),
  mapGroup: (args) => invoke('map_group', args),
  timeline: () => invoke('timeline'),
  mapAt: (args) => invoke('map_at', args),
  standup: (args) => invoke('standup', args),
  log: (args) => invoke('log', args),
  renameDevice: (args) => invoke('rename_device', args),
  revokeDevice: (args) => invoke('revoke_device', args),
  uiReady: () => invoke('ui_ready'),
  scan: /Android/.test(navigator.userAgent) ? () => invoke('scan') : null,

  onChange: (listener) => subscribe<Change>('change', listener),
  onRecording: (listener) => subscribe<Recording>('recording', listener),
  onOpen: (listener) =>
    subscribe<string>('open', (screen) => {
      if (isShellScreen(screen)) listener(screen);
    }),
};

function isShellScreen(screen: string): screen is ShellScreen {
  return (SHELL_SCREENS as readonly string[]).includes(screen);
}

/** `listen` answers later; a stop before that still stops. */
function subscribe<T>(event: string, listener: (payload: T) => void): Stop {
  const stop = listen<T>(event, ({ payload }) => listener(payload));
  return () => void stop.then((unlisten) => unlisten());
}
