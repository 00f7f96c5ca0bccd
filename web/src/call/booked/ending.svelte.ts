/** The booked end of a meeting. The server writes the minutes that are left into the metadata of the room. */
import { RoomEvent, type Room } from 'livekit-client';
import { t } from '../../i18n/call.svelte';

/** The server's words about the end. The members are absent if the end is far. */
export interface End {
  /** The clock of the booked end, such as 11:15. */
  at: string;
  left_min?: number;
  /** Minutes until the server ends the meeting, after the booked end. */
  closes_min?: number;
  /** The time is over, and the server asks the operator and the hosts because a participant still speaks. */
  asks?: boolean;
}

/** Minutes before the end at which each participant is notified once. Halls hear the same. */
const TOLD_MIN = [1, 5, 10];

export class Ending {
  now = $state.raw<End | null>(null);

  constructor(
    private readonly room: Room,
    private readonly tell: (text: string) => void,
  ) {
    room.on(RoomEvent.RoomMetadataChanged, () => this.read()).on(RoomEvent.Connected, () => this.read());
  }

  private read(): void {
    const [before, now] = [this.now, endOf(this.room.metadata)];
    this.now = now;
    if (now === null) return;
    if (before?.left_min !== undefined && now.left_min === undefined) this.tell(t('end.extended', { at: now.at }));
    else if (now.asks === true && before?.asks !== true) this.tell(t('end.asked', { at: now.at }));
    else if (now.left_min === 0 && before?.left_min !== 0) this.tell(t('end.over', { at: now.at }));
    else if (now.left_min !== undefined && stepOf(now) !== stepOf(before)) this.tell(t('end.left', { n: now.left_min, at: now.at }));
  }
}

function stepOf(end: End | null): number | undefined {
  return TOLD_MIN.find((step) => (end?.left_min ?? Infinity) <= step);
}

export function endOf(metadata: string | undefined): End | null {
  try {
    const found = (JSON.parse(metadata ?? '') as { diemcau?: Partial<End> } | null)?.diemcau;
    return typeof found?.at === 'string' ? { ...found, at: found.at } : null;
  } catch {
    return null; // no metadata, or those of another system
  }
}
