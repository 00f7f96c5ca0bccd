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
/** Above this sound begins to break and pictures to stand still. */
const MUCH_LOST = 0.04;
const MUCH_DROPPED = 0.15;
const MUCH_FROZEN = 0.05;
const MUCH_CONCEALED = 0.05;
/** ITU-T G.114: beyond some 400 ms there and back people begin to talk into each other. */
const FAR_MS = 400;
const NAMES = 3;

export function why(samples: readonly Sample[], facts: Facts): Finding[] {
  const recent = samples.slice(-WINDOW);
  const lasting = (is: (one: Sample) => boolean) => recent.length > 0 && recent.filter(is).length * 2 >= recent.length;
  const tooMuchLost = lasting((one) => (one.down_loss ?? 0) > MUCH_LOST || one.concealed > MUCH_CONCEALED);
  const drops = lasting((one) => one.dropped > MUCH_DROPPED);
  const holes: [Cause, boolean][] = [
    ['server', facts.serverBusy],
    ['machine', drops || lasting((one) => one.limit === 'cpu')],
    ['uplink', lasting((one) => one.limit === 'bandwidth' || (one.up_loss ?? 0) > MUCH_LOST)],
    ['downlink', facts.starved > 0 || tooMuchLost || (!drops && lasting((one) => one.frozen > MUCH_FROZEN))],
    ['far', lasting((one) => (one.rtt_ms ?? 0) > FAR_MS)],
    ['tcp', lasting((one) => one.way === 'tcp')],
    ['sender', facts.weakSenders.length > 0],
    ['chosen', facts.saving],
  ];
  const names = facts.weakSenders.slice(0, NAMES).join(', ') + (facts.weakSenders.length > NAMES ? '…' : '');
  return holes.filter(([, is]) => is).map(([cause]) => ({ cause, names: cause === 'sender' ? names : '' }));
}
