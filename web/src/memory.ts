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
