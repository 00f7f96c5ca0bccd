/** The blur of the camera's own driver (Media Capture Extensions, `backgroundBlur`): nothing is cheaper, few machines have it. */

interface Blurring {
  backgroundBlur?: boolean;
}

/** Whether the camera now blurs as wanted. Other wishes of the track stay. */
export async function blurNatively(track: MediaStreamTrack, on: boolean): Promise<boolean> {
  const offered = (track.getCapabilities?.() as { backgroundBlur?: boolean[] } | undefined)?.backgroundBlur ?? [];
  if (track.readyState !== 'live' || !offered.includes(on)) return false;
  try {
    await track.applyConstraints({ ...track.getConstraints(), backgroundBlur: on } as MediaTrackConstraints);
  } catch {
    return false;
  }
  return blurs(track) === on;
}

function blurs(track: MediaStreamTrack): boolean {
  return (track.getSettings() as Blurring).backgroundBlur ?? false;
}

/**
 * Tells when the driver no longer blurs, by whatever switch of the system; the standard has an event for what changes without the
 * page. The answer ends it.
 */
export function watchBlur(track: MediaStreamTrack, lost: () => void): () => void {
  const changed = () => {
    if (!blurs(track)) lost();
  };
  track.addEventListener('configurationchange', changed);
  return () => track.removeEventListener('configurationchange', changed);
}
