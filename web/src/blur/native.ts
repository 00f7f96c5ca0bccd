/**
 * The blur of the camera's own driver (Media Capture Extensions, `backgroundBlur`). This blur uses the least processor time,
 * but few machines have it.
 */

interface Blurring {
  backgroundBlur?: boolean;
}

/** Set the driver's blur and report whether the camera now blurs as wanted. Other constraints of the track stay. */
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
 * Call `lost` when the driver no longer blurs, for example after a switch in the system. The standard has an event for such
 * changes. Return a function that ends the watch.
 */
export function watchBlur(track: MediaStreamTrack, lost: () => void): () => void {
  const changed = () => {
    if (!blurs(track)) lost();
  };
  track.addEventListener('configurationchange', changed);
  return () => track.removeEventListener('configurationchange', changed);
}
