/** Keeps the screen awake. */

/**
 * Keep the screen awake. The screen of a phone or a hall must not go dark during a meeting. If the browser refuses, the
 * screen may go dark.
 */
export function keepAwake(): () => void {
  let lock: WakeLockSentinel | null = null;
  const ask = () => {
    if (document.hidden || !('wakeLock' in navigator)) return;
    navigator.wakeLock.request('screen').then(
      (granted) => (lock = granted),
      () => undefined,
    );
  };
  ask();
  document.addEventListener('visibilitychange', ask);
  return () => {
    document.removeEventListener('visibilitychange', ask);
    void lock?.release();
  };
}
