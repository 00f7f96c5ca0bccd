import { describe, expect, it } from 'vitest';
import { deviceFailure, environmentFailure, failureText, troubles } from '../src/devices/failure';
import { levelOf } from '../src/devices/level';
import { vi } from '../src/i18n/vi';

const error = (name: string, message = '') => Object.assign(new Error(message), { name });

describe('device failures', () => {
  it.each([
    ['NotAllowedError', '', 'denied'],
    ['NotAllowedError', 'Permission denied by system', 'blocked'],
    ['NotFoundError', '', 'absent'],
    ['OverconstrainedError', '', 'absent'],
    ['NotReadableError', 'Could not start video source', 'busy'],
    ['AbortError', '', 'busy'],
    ['TypeError', '', 'unknown'],
  ] as const)('%s %s', (name, message, failure) => {
    expect(deviceFailure(error(name, message))).toBe(failure);
    expect(vi[failureText('camera', failure)]).toBeTruthy();
    expect(vi[failureText('microphone', failure)]).toBeTruthy();
  });

  it('takes anything that was thrown', () => {
    for (const thrown of [undefined, null, 'no', 3, {}]) expect(deviceFailure(thrown)).toBe('unknown');
  });

  it('tells a shared cause once and different causes apart', () => {
    expect(troubles({ camera: 'insecure', microphone: 'insecure' }).map((one) => one.text)).toEqual(['failure.insecure']);
    expect(troubles({ camera: 'denied', microphone: 'denied' }).map((one) => one.text)).toEqual(['failure.both.denied']);
    expect(troubles({ camera: 'busy', microphone: 'busy' })).toHaveLength(2);
    expect(troubles({ camera: null, microphone: 'absent' }).map((one) => one.text)).toEqual(['failure.microphone.absent']);
    expect(troubles({ camera: null, microphone: null })).toEqual([]);
  });

  it('blames the browser before the address', () => {
    expect(environmentFailure({ isSecureContext: false, hasDevices: false, hasPeerConnection: false })).toBe('unsupported');
    expect(environmentFailure({ isSecureContext: false, hasDevices: false, hasPeerConnection: true })).toBe('insecure');
    expect(environmentFailure({ isSecureContext: true, hasDevices: false, hasPeerConnection: true })).toBe('unsupported');
    expect(environmentFailure({ isSecureContext: true, hasDevices: true, hasPeerConnection: true })).toBeNull();
  });
});

describe('level', () => {
  it('runs from silence to full scale', () => {
    expect(levelOf(new Float32Array(64))).toBe(0);
    expect(levelOf(new Float32Array(64).fill(1))).toBe(1);
    expect(levelOf(new Float32Array(64).fill(0.01))).toBeCloseTo(20 / 54, 2);
    expect(levelOf([])).toBe(0);
  });
});
