/** Why pictures or sound are worse than they could be, from figures to plain causes. Pure. */
import type { Sample } from '../figures/figures';

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
/** ITU-T G.114: beyond some 400 ms there and back people begin to talk into each other. */
const FAR_MS = 400;
const NAMES = 3;

/** `own`: those of `samples` that are of what is sent now. This machine and its way up are judged by them alone. */
export function why(samples: readonly Sample[], own: readonly Sample[], facts: Facts): Finding[] {
  const all = lastingIn(samples);
  const sent = lastingIn(own);
  const tooMuchLost = all((one) => (one.down_loss ?? 0) > MUCH_LOST || one.concealed > MUCH_CONCEALED);
  const drops = (one: Sample) => one.dropped > MUCH_DROPPED;
  const holes: [Cause, boolean][] = [
    ['server', facts.serverBusy],
    ['machine', sent(drops) || sent((one) => one.limit === 'cpu')],
    ['uplink', sent((one) => one.limit === 'bandwidth' || (one.up_loss ?? 0) > MUCH_LOST)],
    ['downlink', facts.starved > 0 || tooMuchLost || (!all(drops) && all((one) => one.frozen > MUCH_FROZEN))],
    ['far', all((one) => (one.rtt_ms ?? 0) > FAR_MS)],
    ['tcp', all((one) => one.way === 'tcp')],
    ['sender', facts.weakSenders.length > 0],
    ['chosen', facts.saving],
  ];
  const names = facts.weakSenders.slice(0, NAMES).join(', ') + (facts.weakSenders.length > NAMES ? '…' : '');
  return holes.filter(([, is]) => is).map(([cause]) => ({ cause, names: cause === 'sender' ? names : '' }));
}

function lastingIn(samples: readonly Sample[]): (is: (one: Sample) => boolean) => boolean {
  const recent = samples.slice(-WINDOW);
  const enough = Math.max(LASTING, recent.length / 2);
  return (is) => recent.filter(is).length >= enough;
}
