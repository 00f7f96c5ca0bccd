/** The orders about recess, closed session and the stop for secret content. */
import type { Chairing } from '../chairing.svelte';

export class Breaking {
  constructor(private readonly chairing: Chairing) {}

  recess(until: number): Promise<boolean> {
    return this.chairing.simple('recess', { until });
  }

  returnAt(until: number): Promise<boolean> {
    return this.chairing.simple('recess_until', { until });
  }

  endRecess(): Promise<boolean> {
    return this.chairing.simple('recess_end', {});
  }

  close(out: readonly string[], item = ''): Promise<boolean> {
    return this.chairing.simple('closed_session', { out, item });
  }

  endClosed(): Promise<boolean> {
    return this.chairing.simple('closed_session_end', {});
  }

  /** Stop the meeting because of secret content. The server ends the channel too, and gives no answer. */
  stop(): Promise<boolean> {
    return this.chairing.simple('secret_stop', {});
  }
}
