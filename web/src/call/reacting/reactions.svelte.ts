/**
 * Reactions of participants: agree, disagree, applause. A reaction is a lossy data packet, and no server keeps it. It is shown on
 * the picture for some seconds. Reactions count nothing and decide nothing: a vote is another thing.
 */
import { RoomEvent, type Participant, type Room } from 'livekit-client';
import { Timers } from '../../browser/timers';

export const REACTIONS = ['agree', 'disagree', 'clap'] as const;
export type Reaction = (typeof REACTIONS)[number];

const TOPIC = 'diemcau.reaction';
/**
 * Milliseconds for which a reaction is shown on a picture. Chosen. Longer: old reactions answer a new question. Shorter: people
 * miss the reaction.
 */
const SHOWN_MS = 5_000;
/**
 * Reactions of one participant in a time. Chosen. More: one person floods the meeting with packets. Fewer: a person cannot
 * correct a wrong press.
 */
const MOST = 3;
const MOST_IN_MS = 4_000;

/** Bounds the reactions of one participant. Pure: times in, the permission out. */
export class Rate {
  private at_ms: number[] = [];

  allows(now_ms: number): boolean {
    this.at_ms = this.at_ms.filter((one) => now_ms - one < MOST_IN_MS);
    if (this.at_ms.length >= MOST) return false;
    this.at_ms.push(now_ms);
    return true;
  }
}

/** Return the reaction in a packet. Packets come from other people's browsers: null stands for all other content. */
export function reactionIn(payload: Uint8Array): Reaction | null {
  if (payload.length > 16) return null;
  const text = new TextDecoder().decode(payload);
  return REACTIONS.find((one) => one === text) ?? null;
}

export class Reactions {
  /** The reaction that is shown on the picture of each participant, by identity. */
  shown = $state.raw<ReadonlyMap<string, Reaction>>(new Map());
  private readonly rates = new Map<string, Rate>();
  private readonly timers = new Timers();
  private serial = 0;
  private readonly latest = new Map<string, number>();

  constructor(
    private readonly room: Room,
    private readonly seen: (reaction: Reaction, name: string) => void,
  ) {
    room
      .on(RoomEvent.DataReceived, (payload, who, _kind, topic) => {
        const reaction = topic === TOPIC && who !== undefined ? reactionIn(payload) : null;
        if (reaction !== null && who !== undefined) this.note(who, reaction);
      })
      .on(RoomEvent.ParticipantDisconnected, ({ identity }) => {
        this.rates.delete(identity);
        this.forget(identity);
      });
  }

  /** Send a reaction, unless this person has just sent several. The packet may be lost: nothing depends on it. */
  send(reaction: Reaction): void {
    const { localParticipant } = this.room;
    if (!this.note(localParticipant, reaction)) return;
    const payload = new TextEncoder().encode(reaction);
    void localParticipant.publishData(payload, { reliable: false, topic: TOPIC }).catch(() => undefined);
  }

  close(): void {
    this.timers.close();
  }

  private note(who: Participant, reaction: Reaction): boolean {
    const { identity } = who;
    const rate = this.rates.get(identity) ?? new Rate();
    this.rates.set(identity, rate);
    if (!rate.allows(performance.now())) return false;
    const number = (this.serial += 1);
    this.latest.set(identity, number);
    this.shown = new Map([...this.shown, [identity, reaction]]);
    this.timers.later(SHOWN_MS, () => {
      if (this.latest.get(identity) === number) this.forget(identity);
    });
    this.seen(reaction, who.name || identity);
    return true;
  }

  private forget(identity: string): void {
    this.latest.delete(identity);
    if (this.shown.has(identity)) this.shown = new Map([...this.shown].filter(([one]) => one !== identity));
  }
}
