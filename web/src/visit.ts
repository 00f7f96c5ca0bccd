import type { Pass } from './api';

/** A meeting somebody is about to enter, and how the pass for it is asked for. */
export interface Visit {
  conference: string;
  /** Secret of a link that can be passed on; null when the entry is the person's own. */
  invite: string | null;
  title: string;
  /** As the server knows the person; empty: he says it himself. */
  name: string;
  request: (name: string) => Promise<Pass>;
}
