/** Opens the camera of the hall for the call, and looks which devices the PC has. */
import type { OpenTracks } from '../devices/preview.svelte';

/** The size that the call asks of a camera (`call/media/saving.ts`). */
const CAMERA = { width: { ideal: 1280 }, height: { ideal: 720 } };

/**
 * Open the camera. The microphone stays off until the hall switches it on or has the floor. A hall without a camera, or whose
 * browser refuses, enters without a picture.
 */
export async function openDevices(): Promise<OpenTracks> {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: CAMERA });
    return { camera: stream.getVideoTracks()[0] ?? null, microphone: null, late: [] };
  } catch {
    return { camera: null, microphone: null, late: [] };
  }
}

export interface Found {
  camera: boolean;
  microphone: boolean;
}

/** Report which devices are plugged in. A page without a secure address finds none. */
export async function devicesHere(): Promise<Found> {
  const known = await (navigator.mediaDevices?.enumerateDevices() ?? Promise.resolve([])).catch(() => []);
  return { camera: known.some((one) => one.kind === 'videoinput'), microphone: known.some((one) => one.kind === 'audioinput') };
}
