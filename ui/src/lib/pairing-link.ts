const LINK = 'mirrordna://join#';

/** What a QR code carries: a phone's camera opens it with the app. */
export function pairingLink(ticket: string): string {
  return LINK + ticket;
}

/** The ticket in what was pasted: itself, or a link, without the blanks and line breaks that a mail or a chat put in. */
export function ticketIn(text: string): string {
  const bare = text.replace(/\s+/g, '');
  return bare.toLowerCase().startsWith(LINK) ? bare.slice(LINK.length) : bare;
}
