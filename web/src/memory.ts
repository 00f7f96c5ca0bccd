/** What this browser remembers between visits: a name, device choices, the language. Never a token or an invite. */
type Remembered = 'language' | 'name' | 'camera' | 'microphone' | 'speaker' | 'cameraOn' | 'microphoneOn' | 'dataSaving';

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

const OPENED_KEPT = 20;

/** By what the server knows that this meeting was opened here: whoever closes the tab still decides who comes in. */
export function openedHere(meeting: string): string {
  return opened().find(([number]) => number === meeting)?.[1] ?? '';
}

export function keepOpened(meeting: string, moderator: string): void {
  const kept = [[meeting, moderator], ...opened().filter(([number]) => number !== meeting)].slice(0, OPENED_KEPT);
  try {
    localStorage.setItem(`${PREFIX}opened`, JSON.stringify(kept));
  } catch {
    // Not kept: the lobby of this meeting cannot be used.
  }
}

function opened(): [string, string][] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(`${PREFIX}opened`) ?? '[]');
    const pair = (one: unknown): one is [string, string] => Array.isArray(one) && one.length === 2 && one.every((part) => typeof part === 'string');
    return Array.isArray(kept) ? kept.filter(pair) : [];
  } catch {
    return [];
  }
}
