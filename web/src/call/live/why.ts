/** Finds plain causes for bad pictures or sound from the figures. Pure. */
import type { Sample } from '../../figures/figures';

export interface Moment extends Sample {
  /** The processor of this machine was at its limit. */
  busy: boolean;
}

/** The causes, in the order in which a user can act on them. */
export type Cause = 'server' | 'machine' | 'uplink' | 'downlink' | 'far' | 'tcp' | 'sender' | 'chosen';

export interface Finding {
  cause: Cause;
  /** The names of the senders, for the text. */
  names: string;
}

export interface Facts {
  /** The server reports that it is overloaded. */
  serverBusy: boolean;
  /** The number of pictures that the server holds back because the downlink is too narrow. */
  starved: number;
  /** The people in view with a weak line. */
  weakSenders: readonly string[];
  saving: boolean;
}

/**
 * Chosen. The number of latest samples that are examined. A problem in half of them is reported; a single bad sample is not.
 * Larger: a problem is reported late. Smaller: short problems are reported.
 */
export const WINDOW = 5;
/**
 * Chosen. The smallest number of bad samples for a report, also when there are few samples. Smaller: a single bad moment is
 * reported. Larger: the first report comes later.
 */
export const LASTING = 2;
/**
 * Chosen. Shares of lost packets, dropped frames, frozen time and concealed sound. Above these shares sound breaks and
 * pictures freeze. Larger: users see problems that no text explains. Smaller: a good call gets a warning.
 */
const MUCH_LOST = 0.04;
const MUCH_DROPPED = 0.15;
const MUCH_FROZEN = 0.05;
const MUCH_CONCEALED = 0.05;
/**
 * Chosen. A line with less loss and a shorter round-trip time does not cause frozen pictures. Larger: a bad line stays
 * unnamed. Smaller: a good line is blamed while the machine is busy.
 */
const SOME_LOST = 0.01;
const NEAR_MS = 50;
/**
 * Chosen. The buffers for sound and pictures hold some tens of ms. Larger: a line with much jitter stays unnamed. Smaller: a
 * usable line is blamed.
 */
const MUCH_JITTER_MS = 40;
/**
 * ITU-T G.114: above a round-trip time of about 400 ms people begin to interrupt each other. Larger: a delayed call stays
 * unexplained. Smaller: a normal call gets a warning.
 */
const FAR_MS = 400;
/**
 * Names of senders with a weak line in one text; `…` stands for the rest. Chosen. More: a long text. Fewer: the user does
 * not learn who has the problem.
 */
const NAMES = 3;

/**
 * Return the causes of the present problems. `own` holds those `samples` that belong to the media that is sent now. Only
 * `own` decides about this machine and its uplink. A machine that is overloaded reads and sends packets late. Then bandwidth
 * estimates shrink and pictures freeze on the best of lines. For this reason a line without loss and with quick answers is
 * not blamed while the machine is busy.
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

/** The reasons for a missing picture when nothing is wrong. */
export type Absence = 'unwatched' | 'unwanted';

/** The pictures that viewers want. */
export interface Wanted {
  /**
   * For each layer of the user's own camera: whether a participant views the layer. Null: the camera is off, or the server
   * has not said it yet.
   */
  own: readonly boolean[] | null;
  /** For each picture that others send: whether this viewer receives the picture. */
  others: readonly boolean[];
}

/** Return the reason why there is no picture in this direction. Null: the viewers' wishes do not explain it. */
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

/** Report whether the machine is at its limit while its line shows no problem. */
function lame(one: Moment): boolean {
  return one.busy && Math.max(one.up_loss ?? 0, one.down_loss ?? 0) <= SOME_LOST && (one.rtt_ms ?? 0) < NEAR_MS;
}

/** Report whether the line loses or delays packets. */
function unsteady(one: Moment): boolean {
  return (one.down_loss ?? 0) > SOME_LOST || (one.jitter_ms ?? 0) > MUCH_JITTER_MS || (one.rtt_ms ?? 0) >= NEAR_MS;
}

function lastingIn(samples: readonly Moment[]): (is: (one: Moment) => boolean) => boolean {
  const recent = samples.slice(-WINDOW);
  const enough = Math.max(LASTING, recent.length / 2);
  return (is) => recent.filter(is).length >= enough;
}
