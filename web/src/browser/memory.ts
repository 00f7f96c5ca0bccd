/**
 * The values that this browser keeps between visits: a name, device choices and the language. A tab keeps the ticket of a
 * lobby. Tokens and invites are never kept, except the key of a PC in hall mode. The secret of a meeting's owner is a cookie, which no script reads.
 */
type Remembered =
  | 'language'
  | 'name'
  | 'camera'
  | 'microphone'
  | 'speaker'
  | 'cameraOn'
  | 'microphoneOn'
  | 'dataSaving'
  | 'noiseFilter'
  | 'blur'
  | 'approvalKeys'
  | 'letterKeys'
  /** The key of a PC in hall mode. It is bound to one terminal, and an operator can revoke it. */
  | 'hallKey'
  /** The codes of at most two sites, and the secrets of this phone that hold its cards in open votes. */
  | 'phoneCard';

const PREFIX = 'diemcau.';

/**
 * Return a kept value. The browser may refuse storage (private windows, policy). In that case nothing is kept and nothing
 * fails.
 */
export function recall(name: Remembered): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function remember(name: Remembered, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // The value is not kept: the person chooses again next time.
  }
}

/** Return the ticket of a lobby, by meeting. Only this tab keeps it, until the tab closes. */
export function recallTicket(meeting: string): string {
  try {
    return sessionStorage.getItem(`${PREFIX}ticket.${meeting}`) ?? '';
  } catch {
    return '';
  }
}

export function keepTicket(meeting: string, ticket: string): void {
  try {
    sessionStorage.setItem(`${PREFIX}ticket.${meeting}`, ticket);
  } catch {
    // The ticket is not kept: after a reload the person waits again.
  }
}
