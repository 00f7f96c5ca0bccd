/** What a dialog says about who is notified. A server without mail notifies no person, so the secretary has to. Pure. */
import type { DeskKey } from '../../i18n/desk-vi';

/** The sentences for a meeting that is cancelled, put off until further notice (`later`) or to a new time (`now`). */
export function calledOffTexts(what: 'cancel' | 'later' | 'now', mails: boolean): DeskKey[] {
  if (!mails) return [what === 'now' ? 'off.newTimeUntold' : 'off.free', 'tell.self'];
  return [what === 'cancel' ? 'off.cancelText' : what === 'later' ? 'off.laterText' : 'off.newTimeText'];
}
