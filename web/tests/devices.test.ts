import { describe, expect, it } from 'vitest';
import { otherCamera } from '../src/devices/catalogue';
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

describe('the camera of the other side', () => {
  const phone = ['camera2 1, facing front', 'camera2 0, facing back', 'camera2 2, facing back'].map((label, n) => ({ id: `c${n}`, label }));
  const plain = ['Camera 1', 'Camera 2', 'Camera 3'].map((label, n) => ({ id: `c${n}`, label }));

  it.each([
    [phone, 'c0', 'c1'],
    [phone, 'c2', 'c0'],
    [[{ id: 'a', label: 'Camera mặt trước' }, { id: 'b', label: 'Camera mặt sau' }], 'b', 'a'],
    [plain, 'c2', 'c0'],
    [plain, '', 'c0'],
    [[phone[0]!], 'c0', null],
    [[], '', null],
  ])('%j %j', (cameras, current, other) => {
    expect(otherCamera(cameras, current)).toBe(other);
  });
});
