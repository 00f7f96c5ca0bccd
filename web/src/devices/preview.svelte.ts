/**
 * The camera and microphone before the meeting. The class asks for them, shows failures, and gives the open tracks to the
 * call. No device is opened twice.
 */
import { recall, remember } from '../browser/memory';
import { EMPTY, listDevices, type Catalogue } from './catalogue';
import { deviceFailure, thisEnvironment, type Device, type Failure } from './failure';
import { HEARD, watchLevel } from './level';

export interface OpenTracks {
  camera: MediaStreamTrack | null;
  microphone: MediaStreamTrack | null;
  /** The devices that the person wants and that are not open yet. They did not fail. */
  late: readonly Device[];
}

/**
 * Milliseconds without sound until the page says that the microphone is silent. Chosen. Longer: the user waits longer.
 * Shorter: a person who has not spoken yet gets the text.
 */
const SILENCE_MS = 6_000;
/**
 * Chosen: longer than a pause between two sentences. Larger: a silent microphone is noticed late. Smaller: each pause counts
 * as silence.
 */
const PAUSE_MS = 2_500;
const LOCAL: Record<Device, 'cameraOn' | 'microphoneOn'> = { camera: 'cameraOn', microphone: 'microphoneOn' };

const DEVICES = ['camera', 'microphone'] as const;

export class Preview {
  catalogue = $state.raw<Catalogue>(EMPTY);
  camera = $state.raw<MediaStreamTrack | null>(null);
  microphone = $state.raw<MediaStreamTrack | null>(null);
  failures = $state<Record<Device, Failure | null>>({ camera: null, microphone: null });
  wanted = $state<Record<Device, boolean>>({
    camera: recall('cameraOn') !== 'no',
    microphone: recall('microphoneOn') !== 'no',
  });
  chosen = $state({
    camera: recall('camera') ?? '',
    microphone: recall('microphone') ?? '',
    speaker: recall('speaker') ?? '',
  });
  asking = $state(false);
  level = $state(0);
  /** The result of the microphone watcher so far. */
  hearing = $state<'waiting' | 'heard' | 'silent'>('waiting');
  /** The highest level since the watcher began. */
  loudest = $state(0);
  /** A voice was heard earlier, and there is silence now. */
  paused = $state(false);

  private stopLevel: (() => void) | null = null;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private heardAt_ms = 0;
  private closed = false;
  private readonly devicesChanged = () => void this.refreshCatalogue();

  async start(): Promise<void> {
    const trouble = thisEnvironment();
    if (trouble !== null) {
      this.failures = { camera: trouble, microphone: trouble };
      return;
    }
    navigator.mediaDevices.addEventListener('devicechange', this.devicesChanged);
    await this.openWanted();
  }

  /** Ask for both devices in one request. If it fails, ask for each device alone, to find the device with the problem. */
  private async openWanted(): Promise<void> {
    const { camera, microphone } = this.wanted;
    this.asking = true;
    try {
      if (camera && microphone) await this.openBoth();
      else if (camera) await this.open('camera');
      else if (microphone) await this.open('microphone');
    } finally {
      this.asking = false;
      await this.refreshCatalogue();
    }
  }

  private async openBoth(): Promise<void> {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: cameraConstraints(this.chosen.camera),
        audio: microphoneConstraints(this.chosen.microphone),
      });
      this.take('camera', stream.getVideoTracks()[0] ?? null);
      this.take('microphone', stream.getAudioTracks()[0] ?? null);
    } catch {
      await this.open('microphone');
      await this.open('camera');
    }
  }

  async open(device: Device): Promise<void> {
    this.failures[device] = null;
    try {
      this.take(device, await openDevice(device, this.chosen[device]));
    } catch (error) {
      this.take(device, null);
      this.failures[device] = deviceFailure(error);
    }
  }

  async turn(device: Device, on: boolean): Promise<void> {
    this.wanted[device] = on;
    remember(LOCAL[device], on ? 'yes' : 'no');
    if (!on) {
      this.take(device, null);
      this.failures[device] = null;
    } else if (thisEnvironment() === null) {
      this.asking = true;
      await this.open(device);
      this.asking = false;
      await this.refreshCatalogue();
    }
  }

  async retry(devices: Device[]): Promise<void> {
    devices.forEach((device) => {
      this.wanted[device] = true;
      this.failures[device] = null;
    });
    if (devices.length === 2) await this.openWanted();
    else for (const device of devices) await this.turn(device, true);
  }

  async choose(device: Device, id: string): Promise<void> {
    this.chosen[device] = id;
    remember(device, id);
    if (this.wanted[device]) {
      this.take(device, null);
      await this.open(device);
    }
  }

  /** Return the device that is open now, otherwise the device that would open. */
  inUse(device: Device): string {
    return this[device]?.getSettings().deviceId ?? this.chosen[device];
  }

  chooseSpeaker(id: string): void {
    this.chosen.speaker = id;
    remember('speaker', id);
  }

  /** Return the open tracks. The caller must stop them, and must open the devices that are late. */
  handOver(): OpenTracks {
    const late = DEVICES.filter((device) => this.wanted[device] && this[device] === null && this.failures[device] === null);
    const tracks = { camera: this.camera, microphone: this.microphone, late };
    this.camera = null;
    this.microphone = null;
    this.close();
    return tracks;
  }

  /** Close the devices once. A component that closes late still holds tracks that it gave away, and must not stop them. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.take('camera', null);
    this.take('microphone', null);
    navigator.mediaDevices?.removeEventListener('devicechange', this.devicesChanged);
  }

  private take(device: Device, track: MediaStreamTrack | null): void {
    if (this.closed && track !== null) {
      track.stop();
      return;
    }
    this[device]?.stop();
    this[device] = track;
    if (track !== null) track.onended = () => this.lost(device, track);
    if (device === 'microphone') this.watch(track);
  }

  private lost(device: Device, track: MediaStreamTrack): void {
    if (this[device] !== track) return;
    this.take(device, null);
    this.failures[device] = 'absent';
  }

  /** Start the microphone watcher again. Everything heard before is ignored. */
  listenAnew(): void {
    clearTimeout(this.silence);
    this.loudest = 0;
    this.hearing = 'waiting';
    this.paused = false;
    if (this.microphone === null) return;
    this.silence = setTimeout(() => {
      if (this.hearing === 'waiting') this.hearing = 'silent';
    }, SILENCE_MS);
  }

  private watch(track: MediaStreamTrack | null): void {
    this.stopLevel?.();
    this.stopLevel = null;
    this.level = 0;
    this.listenAnew();
    if (track !== null) this.stopLevel = watchLevel(track, (level) => this.hear(level, performance.now()));
  }

  private hear(level: number, now_ms: number): void {
    this.level = level;
    this.loudest = Math.max(this.loudest, level);
    if (level > HEARD) {
      this.hearing = 'heard';
      this.heardAt_ms = now_ms;
    }
    this.paused = this.hearing === 'heard' && now_ms - this.heardAt_ms > PAUSE_MS;
  }

  private async refreshCatalogue(): Promise<void> {
    if (!this.closed) this.catalogue = await listDevices();
  }
}

async function openDevice(device: Device, id: string): Promise<MediaStreamTrack | null> {
  const stream = await navigator.mediaDevices.getUserMedia(
    device === 'camera' ? { video: cameraConstraints(id) } : { audio: microphoneConstraints(id) },
  );
  return stream.getTracks()[0] ?? null;
}

/** Return the constraints with `ideal`, not `exact`: a remembered camera may be unplugged, and the person must still get in. */
function cameraConstraints(id: string): MediaTrackConstraints {
  const size = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
  return id === '' ? { ...size, facingMode: 'user' } : { ...size, deviceId: { ideal: id } };
}

function microphoneConstraints(id: string): MediaTrackConstraints {
  const care = { echoCancellation: true, noiseSuppression: recall('noiseFilter') !== 'no', autoGainControl: true };
  return id === '' ? care : { ...care, deviceId: { ideal: id } };
}
