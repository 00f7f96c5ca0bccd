/**
 * The texts of a dialog that say who is notified. A server without mail notifies no person, so the secretary must do so.
 * Pure.
 */
import type { DeskKey } from '../../i18n/desk-vi';

/**
 * Return the sentences for a meeting that is cancelled, postponed without a date (`later`) or moved to a new time (`now`).
 * `told`: people were invited to the meeting.
 */
export function calledOffTexts(what: 'cancel' | 'later' | 'now', mails: boolean, told = true): DeskKey[] {
  if (!told) return [what === 'now' ? 'off.newTimeUntold' : 'off.free'];
  if (!mails) return [what === 'now' ? 'off.newTimeUntold' : 'off.free', 'tell.self'];
  return [what === 'cancel' ? 'off.cancelText' : what === 'later' ? 'off.laterText' : 'off.newTimeText'];
}
