/** Maps errors of a camera, microphone or screen to a few words that have texts. Pure. */
import type { Key } from '../i18n/index.svelte';

export type Device = 'camera' | 'microphone';
export type Failure = 'denied' | 'blocked' | 'absent' | 'busy' | 'insecure' | 'unsupported' | 'unknown';

/** Return why the browser cannot make calls at all, before any device is opened. Null: a call is possible. */
export function environmentFailure(scope: {
  isSecureContext: boolean;
  hasDevices: boolean;
  hasPeerConnection: boolean;
}): Failure | null {
  if (!scope.hasPeerConnection) return 'unsupported';
  if (!scope.isSecureContext) return 'insecure';
  return scope.hasDevices ? null : 'unsupported';
}

export function thisEnvironment(): Failure | null {
  return environmentFailure({
    isSecureContext: window.isSecureContext,
    hasDevices: typeof navigator.mediaDevices?.getUserMedia === 'function',
    hasPeerConnection: typeof window.RTCPeerConnection === 'function' && 'getTransceivers' in RTCPeerConnection.prototype,
  });
}

/**
 * Return the failure for an error. The names are from W3C Media Capture and Streams §10.3 (`getUserMedia`), and older ones
 * from WebKit and Chromium.
 */
export function deviceFailure(error: unknown): Failure {
  const { name, message } = error instanceof Error || isNamed(error) ? error : { name: '', message: '' };
  switch (name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
    case 'SecurityError':
      return /system/i.test(message) ? 'blocked' : 'denied';
    case 'NotFoundError':
    case 'DevicesNotFoundError':
    case 'OverconstrainedError':
      return 'absent';
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return 'busy';
    default:
      return 'unknown';
  }
}

function isNamed(error: unknown): error is { name: string; message: string } {
  return typeof error === 'object' && error !== null && 'name' in error && 'message' in error;
}

export interface Trouble {
  devices: Device[];
  failure: Failure;
  text: Key;
}

/** Return one message for each problem. A cause that both devices share has one message. */
export function troubles(failures: Record<Device, Failure | null>): Trouble[] {
  const { camera, microphone } = failures;
  if (camera !== null && camera === microphone) {
    const shared = sharedText(camera);
    if (shared !== null) return [{ devices: ['camera', 'microphone'], failure: camera, text: shared }];
  }
  return (['camera', 'microphone'] as const).flatMap((device) => {
    const failure = failures[device];
    return failure === null ? [] : [{ devices: [device], failure, text: failureText(device, failure) }];
  });
}

function sharedText(failure: Failure): Key | null {
  if (failure === 'insecure' || failure === 'unsupported') return `failure.${failure}`;
  return failure === 'denied' || failure === 'absent' ? `failure.both.${failure}` : null;
}

/**
 * Return the text for a failure. `inCall`: the text does not propose to join without the device, because the person has
 * already joined.
 */
export function failureText(device: Device, failure: Failure, inCall = false): Key {
  if (failure === 'insecure' || failure === 'unsupported') return `failure.${failure}`;
  if (inCall && failure === 'absent') return `failure.${device}.missing`;
  return `failure.${device}.${failure}`;
}
