/** The invited people against those who are in the meeting now. Pure. */
import type { InvitedPerson } from '../../server/model';

export type State = 'here' | 'left' | 'declined' | 'absent';

/** Return who comes by these identities: `WHO` of `WAY.WHO.SUFFIX`, or the whole identity of a hall. */
export function bearersOf(identities: Iterable<string>): Set<string> {
  const found = new Set<string>();
  for (const identity of identities) {
    const [way, who = '', suffix] = identity.split('.');
    found.add(way !== 'hall_terminal' && suffix !== undefined ? who : identity);
  }
  return found;
}

/** Return the state of an invited person. `seen`: who was here since the page was opened. */
export function stateOf(one: InvitedPerson, here: ReadonlySet<string>, seen: ReadonlySet<string>): State {
  const among = (them: ReadonlySet<string>): boolean => one.bearers.some((bearer) => them.has(bearer));
  if (among(here)) return 'here';
  if (one.came_at !== null || among(seen)) return 'left';
  return one.answer === 'declined' ? 'declined' : 'absent';
}
