/** The camera, microphone and loudspeaker that the call uses. This class does not switch them on or off. */
import type { Room } from 'livekit-client';
import { remember } from '../../browser/memory';
import { deviceFailure, failureText } from '../../devices/failure';
import { t } from '../../i18n/call.svelte';
import type { Saving } from './saving';
import type { Sending } from './sending.svelte';
import { sourcesOf, type Input, type OwnCall, type Switches } from './switches.svelte';

export type Chosen = Record<Input | 'speaker', string>;

export class Devices {
  chosen = $state<Chosen>({ camera: '', microphone: '', speaker: '' });

  constructor(
    private readonly room: Room,
    private readonly switches: Switches,
    private readonly sending: Sending,
    private readonly saving: () => Saving,
    private readonly call: Pick<OwnCall, 'ended' | 'tell'>,
    chosen: Chosen,
  ) {
    this.chosen = chosen;
  }

  async choose(device: Input | 'speaker', id: string): Promise<void> {
    try {
      await (device === 'speaker' ? this.use(device, id) : this.switches.inTurn(device, () => this.change(device, id)));
      if (device === 'camera') await this.sending.fit(this.saving());
    } catch (error) {
      if (device !== 'speaker') this.call.tell(t(failureText(device, deviceFailure(error), true)), true);
    }
  }

  /** Note which camera has opened, and notify the person if another camera was chosen. */
  async noteCamera(): Promise<void> {
    const { camera } = this.switches.sent;
    const id = await camera?.getDeviceId(false);
    const chosen = this.chosen.camera;
    if (id === undefined || id === chosen || camera?.isMuted !== false) return;
    this.chosen.camera = id;
    if (chosen !== '') this.call.tell(t('device.other', { name: sourcesOf(camera)[0]?.label ?? '' }), true);
  }

  /** Change to another device. The old device is closed first. If the new device does not open, the old one opens again. */
  private async change(input: Input, id: string): Promise<void> {
    if (this.call.ended()) return;
    const track = this.switches.sent[input];
    const before = track === null || track.isMuted ? undefined : await track.getDeviceId(false);
    try {
      await this.use(input, id);
    } catch (error) {
      const back = before === undefined ? Promise.reject(error) : this.switchTo(input, before);
      await back.catch(() => this.switches.shut(input));
      throw error;
    }
  }

  private async use(device: Input | 'speaker', id: string): Promise<void> {
    await this.switchTo(device, id);
    this.chosen[device] = id;
    remember(device, id);
  }

  /**
   * Switch to a device. A camera is required exactly. An ideal `deviceId` has no more weight than the ideal facing mode, and
   * the camera might stay the same.
   */
  private async switchTo(device: Input | 'speaker', id: string): Promise<void> {
    const kinds = { camera: 'videoinput', microphone: 'audioinput', speaker: 'audiooutput' } as const;
    await this.room.switchActiveDevice(kinds[device], id, device === 'camera');
  }
}
