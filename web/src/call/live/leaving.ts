/**
 * The reasons why a call ended, and the text for each reason. One table holds the server's reasons, and one holds the
 * failures to join.
 */
import { ConnectionError, ConnectionErrorReason, DisconnectReason } from 'livekit-client';
import type { Key } from '../../i18n/index.svelte';

const BY_REASON: Partial<Record<DisconnectReason, Key>> = {
  [DisconnectReason.CLIENT_INITIATED]: 'left.self',
  [DisconnectReason.DUPLICATE_IDENTITY]: 'left.duplicate',
  [DisconnectReason.SERVER_SHUTDOWN]: 'left.shutdown',
  [DisconnectReason.PARTICIPANT_REMOVED]: 'left.removed',
  [DisconnectReason.ROOM_DELETED]: 'left.ended',
  [DisconnectReason.ROOM_CLOSED]: 'left.ended',
};

export function leavingText(reason: DisconnectReason | undefined): Key {
  return (reason === undefined ? undefined : BY_REASON[reason]) ?? 'left.lost';
}

export function joinFailureText(error: unknown): Key {
  const refused = error instanceof ConnectionError && error.reason === ConnectionErrorReason.NotAllowed;
  return refused ? 'left.refused' : 'left.failed';
}
