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

const BACK = /back|rear|environment|mặt sau|phía sau/i;
const FRONT = /front|user|facetime|mặt trước|phía trước/i;

/** Return the camera of the other side of a phone, or the next camera if no name says a side. Null: there is no other camera. */
export function otherCamera(cameras: Choice[], current: string): string | null {
  const at = cameras.findIndex((one) => one.id === current);
  const label = cameras[at]?.label ?? '';
  const wanted = BACK.test(label) ? FRONT : FRONT.test(label) ? BACK : null;
  const other = cameras.find((one) => one.id !== current && wanted?.test(one.label)) ?? cameras[(at + 1) % cameras.length];
  return other === undefined || other.id === current ? null : other.id;
}

/** Report whether the camera looks away from the person. Its picture is not mirrored, so that texts can be read. */
export function looksAway(track: MediaStreamTrack | null | undefined): boolean {
  return track?.getSettings?.().facingMode === 'environment';
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
