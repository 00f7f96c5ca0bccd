/** The states of terminals with the server (SIP), as `GET /terminal-states` reports them. Pure, except for the request. */
import { get } from '../data/client';
import { callsHalls } from '../data/session.svelte';
import type { Standing } from '../words/states';
import type { PcState, TerminalState } from '../../server/model';

/** `null`: the server connects no hall terminals. */
export type TerminalStates = ReadonlyMap<string, TerminalState> | null;

export async function askStates(): Promise<TerminalStates> {
  if (!callsHalls()) return null;
  return new Map((await get<TerminalState[]>('/terminal-states')).map((one) => [one.terminal_id, one]));
}

export function sipStanding(state: TerminalState | undefined): Standing {
  if (state === undefined) return { text: 'sip.noAccount', sign: 'no', tone: '' };
  return state.registered ? { text: 'sip.registered', sign: 'check', tone: 'good' } : { text: 'sip.away', sign: 'warning', tone: 'wait' };
}

/** Return the states of the PCs in hall mode, by terminal. */
export async function askPcs(): Promise<ReadonlyMap<string, PcState>> {
  return new Map((await get<PcState[]>('/pc-states')).map((one) => [one.terminal_id, one]));
}

export function isPc(row: Record<string, unknown>): boolean {
  return Array.isArray(row.protocols) && row.protocols.includes('pc');
}

export function pcStanding(state: PcState | undefined): Standing {
  if (state?.enrolled_at == null) return { text: state?.code_until == null ? 'pc.none' : 'pc.waits', sign: state === undefined ? 'no' : 'clock', tone: '' };
  return state.on ? { text: 'pc.on', sign: 'check', tone: 'good' } : { text: 'pc.off', sign: 'warning', tone: 'wait' };
}

/** Return a short name for a terminal from its code, with only the characters that an alias may have (`models/boards.py`). */
export function aliasOf(code: string): string {
  return code.replace(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9]+/, '').slice(0, 63).toLowerCase();
}
