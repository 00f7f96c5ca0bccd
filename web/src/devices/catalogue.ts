/** The cameras, microphones and speakers of this machine, with names fit to show. */
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

/** Safari and older Firefox play to the system's speaker only. */
export function canChooseSpeaker(): boolean {
  return 'setSinkId' in HTMLMediaElement.prototype;
}

/** Before permission is given browsers list nameless devices without an id: those cannot be chosen. */
function choices(
  found: MediaDeviceInfo[],
  kind: MediaDeviceKind,
  nameless: 'device.cameraN' | 'device.microphoneN' | 'device.speakerN',
): Choice[] {
  return found
    .filter((device) => device.kind === kind && device.deviceId !== '')
    .map((device, index) => ({ id: device.deviceId, label: device.label || t(nameless, { n: index + 1 }) }));
}
