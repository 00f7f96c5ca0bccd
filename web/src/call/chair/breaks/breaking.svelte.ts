/** The orders about recess, closed session, lobby and the stop for secret content. */
import type { Chairing } from '../chairing.svelte';
import { isClosed } from './pauses';

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

  /** Send one participant to the lobby. The end of a closed session brings back who was sent out during the session. */
  sendOut(identity: string): Promise<boolean> {
    return this.chairing.simple(isClosed(this.chairing.desk) ? 'closed_session_out' : 'to_lobby', { identity });
  }

  letIn(identity: string): Promise<boolean> {
    return this.chairing.simple('from_lobby', { identity });
  }

  /** Stop the meeting because of secret content. The server ends the channel too, and gives no answer. */
  stop(): Promise<boolean> {
    return this.chairing.simple('secret_stop', {});
  }
}
