/** The cameras, microphones and speakers of this machine, with names for display. */
import { t } from '../i18n/index.svelte';

export interface Choice {
  id: string;
  label: string;
}

export interface Catalogue {
  cameras: Choice[];
  microphones: Choice[];
  speakers: Choice[];
}

export const EMPTY: Catalogue = { cameras: [], microphones: [], speakers: [] };

export async function listDevices(): Promise<Catalogue> {
  if (navigator.mediaDevices === undefined) return EMPTY;
  const found = await navigator.mediaDevices.enumerateDevices();
  return {
    cameras: choices(found, 'videoinput', 'device.cameraN'),
    microphones: choices(found, 'audioinput', 'device.microphoneN'),
    speakers: canChooseSpeaker() ? choices(found, 'audiooutput', 'device.speakerN') : [],
  };
}

/** Report whether the speaker can be chosen. Safari and older Firefox play only to the system's speaker. */
export function canChooseSpeaker(): boolean {
  return 'setSinkId' in HTMLMediaElement.prototype;
}

/**
 * Return the devices of one kind. Without permission browsers list devices without name and id; a person cannot choose those
 * devices.
 */
function choices(
  found: MediaDeviceInfo[],
  kind: MediaDeviceKind,
  nameless: 'device.cameraN' | 'device.microphoneN' | 'device.speakerN',
): Choice[] {
  return found
    .filter((device) => device.kind === kind && device.deviceId !== '')
    .map((device, index) => ({ id: device.deviceId, label: device.label || t(nameless, { n: index + 1 }) }));
}
