/** Why pictures or sound are worse than they could be, from figures to plain causes. Pure. */
import type { Sample } from '../../figures/figures';

export interface Moment extends Sample {
  /** The processor of this machine was at its limit. */
  busy: boolean;
}

/** Whose trouble it is, the one that can be helped first. */
export type Cause = 'server' | 'machine' | 'uplink' | 'downlink' | 'far' | 'tcp' | 'sender' | 'chosen';

export interface Finding {
  cause: Cause;
  /** For a text: names of senders. */
  names: string;
}

export interface Facts {
  /** The server says that it has more to do than it can. */
  serverBusy: boolean;
  /** Pictures that the server holds back because the way here is too narrow. */
  starved: number;
  /** People in view whose own line is weak. */
  weakSenders: readonly string[];
  saving: boolean;
}

/** Samples looked at: what lasted for half of them is told, a single bad moment is not. */
export const WINDOW = 5;
/** At least so many of them are bad, however few there are yet. */
export const LASTING = 2;
/** Above this sound begins to break and pictures to stand still. */
const MUCH_LOST = 0.04;
const MUCH_DROPPED = 0.15;
const MUCH_FROZEN = 0.05;
const MUCH_CONCEALED = 0.05;
/** A line that loses less and answers sooner is not what makes pictures stand still. */
const SOME_LOST = 0.01;
const NEAR_MS = 50;
/** Buffers for sound and pictures hold no more than some tens of ms. */
const MUCH_JITTER_MS = 40;
/** ITU-T G.114: beyond some 400 ms there and back people begin to talk into each other. */
const FAR_MS = 400;
const NAMES = 3;

/**
 * `own`: those of `samples` that are of what is sent now. This machine and its way up are judged by them alone. A machine that has
 * more to do than it can reads packets late and sends them late: estimates shrink and pictures stand still on the best of lines. So
 * a line that loses nothing and answers at once is blamed for nothing while the machine is busy.
 */
export function why(samples: readonly Moment[], own: readonly Moment[], facts: Facts): Finding[] {
  const all = lastingIn(samples);
  const sent = lastingIn(own);
  const starved = facts.starved > 0;
  const narrow = (one: Moment) => one.limit === 'bandwidth';
  const holes: [Cause, boolean][] = [
    ['server', facts.serverBusy],
    ['machine', sent(drops) || sent((one) => one.limit === 'cpu') || all((one) => lame(one) && (starved || suffers(one))) || sent((one) => lame(one) && narrow(one))],
    ['uplink', sent((one) => (one.up_loss ?? 0) > MUCH_LOST || (narrow(one) && !lame(one)))],
    ['downlink', all((one) => (one.down_loss ?? 0) > MUCH_LOST || (suffers(one) && unsteady(one) && !lame(one))) || (starved && !all(lame))],
    ['far', all((one) => (one.rtt_ms ?? 0) > FAR_MS)],
    ['tcp', all((one) => one.way === 'tcp')],
    ['sender', facts.weakSenders.length > 0],
    ['chosen', facts.saving],
  ];
  const names = facts.weakSenders.slice(0, NAMES).join(', ') + (facts.weakSenders.length > NAMES ? '…' : '');
  return holes.filter(([, is]) => is).map(([cause]) => ({ cause, names: cause === 'sender' ? names : '' }));
}

/** Why there is no picture although nothing is wrong. */
export type Absence = 'unwatched' | 'unwanted';

/** What is wanted of pictures. */
export interface Wanted {
  /** Of each layer of the own camera, whether the server has somebody who looks; null: the camera is off, or it has not said so yet. */
  own: readonly boolean[] | null;
  /** Of each picture that others send, whether this viewer receives it. */
  others: readonly boolean[];
}

/** Of the direction in which there is no picture; null: who wants it does not say why. */
export function absence(direction: 'sent' | 'seen', { own, others }: Wanted): Absence | null {
  const wanted = direction === 'sent' ? (own ?? []) : others;
  if (wanted.length === 0 || wanted.includes(true)) return null;
  return direction === 'sent' ? 'unwatched' : 'unwanted';
}

function drops(one: Moment): boolean {
  return one.dropped > MUCH_DROPPED;
}

function suffers(one: Moment): boolean {
  return one.concealed > MUCH_CONCEALED || (one.frozen > MUCH_FROZEN && !drops(one));
}

/** The machine is at its limit, and its line shows nothing. */
function lame(one: Moment): boolean {
  return one.busy && Math.max(one.up_loss ?? 0, one.down_loss ?? 0) <= SOME_LOST && (one.rtt_ms ?? 0) < NEAR_MS;
}

/** The line loses packets or holds them up. */
function unsteady(one: Moment): boolean {
  return (one.down_loss ?? 0) > SOME_LOST || (one.jitter_ms ?? 0) > MUCH_JITTER_MS || (one.rtt_ms ?? 0) >= NEAR_MS;
}

function lastingIn(samples: readonly Moment[]): (is: (one: Moment) => boolean) => boolean {
  const recent = samples.slice(-WINDOW);
  const enough = Math.max(LASTING, recent.length / 2);
  return (is) => recent.filter(is).length >= enough;
}
