/** What this browser remembers between visits: a name, device choices, the language; a tab, the ticket of a lobby. Never a token,
 * an invite or the secret of whoever opened a meeting: that one is a cookie, which no script reads.
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
  | 'blur';

const PREFIX = 'diemcau.';

/** Storage may be refused (private windows, policy); then nothing is remembered and nothing breaks. */
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
    // Not remembered: the person chooses again next time.
  }
}

/** The ticket of a lobby: kept by this tab alone until it is closed, by meeting. */
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
    // Not kept: after a reload the person waits again.
  }
}
