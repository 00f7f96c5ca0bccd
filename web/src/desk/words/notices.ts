/** The kinds of notices: icon, tone, text, and the button with its path. Pure. */
import type { DeskKey } from '../../i18n/desk-vi';
import type { Notice } from '../../server/model';
import type { SignName } from './signs';
import type { Standing } from './states';
import { dayOf } from './time';

export type NoticeKind = Notice['kind'];

interface Look {
  sign: SignName;
  tone: Standing['tone'];
  action: DeskKey;
  path: (notice: Notice) => string;
  /** The button is for people who book. Other people open the meeting. */
  books?: boolean;
}

const meeting = (notice: Notice): string => `/meetings/${notice.meeting_id}`;

/** The requests for precedence are on the first page. */
const asks = (): string => '/my#asks';

const again = (notice: Notice): string => `/book?again=${notice.meeting_id}`;

export const LOOKS: Record<NoticeKind, Look> = {
  approve: { sign: 'inbox', tone: 'wait', action: 'notice.do.approve', path: (notice) => `/approvals#${notice.meeting_id}` },
  approved: { sign: 'check', tone: 'good', action: 'notice.do.open', path: meeting },
  refused: { sign: 'no', tone: 'bad', action: 'again.title', path: again, books: true },
  expired: { sign: 'clock', tone: 'bad', action: 'again.title', path: again, books: true },
  change_approved: { sign: 'check', tone: 'good', action: 'notice.do.open', path: meeting },
  change_refused: { sign: 'no', tone: 'bad', action: 'notice.do.open', path: meeting },
  displaced: { sign: 'repeat', tone: 'bad', action: 'notice.do.arrange', path: meeting },
  answered: { sign: 'letter', tone: '', action: 'notice.do.answers', path: meeting },
  substitute: { sign: 'person', tone: 'wait', action: 'notice.do.decide', path: meeting },
  hall_unready: { sign: 'hall', tone: 'bad', action: 'notice.do.control', path: (notice) => `/control/${notice.meeting_id}/${notice.occurrence_id}` },
  hall_held: { sign: 'lock', tone: 'wait', action: 'notice.do.board', path: (notice) => `/board${notice.starts_at === null ? '' : `?day=${dayOf(notice.starts_at)}`}` },
  hall_objected: { sign: 'hall', tone: 'bad', action: 'notice.do.open', path: meeting },
  hall_lost: { sign: 'hall', tone: 'bad', action: 'notice.do.open', path: meeting },
  rehearsal_changed: { sign: 'clock', tone: 'bad', action: 'notice.do.open', path: meeting },
  precedence_asked: { sign: 'inbox', tone: 'wait', action: 'notice.do.decide', path: asks },
  precedence_given: { sign: 'check', tone: 'good', action: 'notice.do.open', path: meeting },
  precedence_refused: { sign: 'no', tone: 'bad', action: 'notice.do.asks', path: asks },
  soon: { sign: 'clock', tone: 'live', action: 'notice.do.enter', path: meeting },
};
const OPEN: Pick<Look, 'action' | 'path'> = { action: 'notice.do.open', path: meeting };

/** Return the button of a notice. `books`: the user may book meetings. */
export function doing(notice: Notice, books: boolean): Pick<Look, 'action' | 'path'> {
  const look = LOOKS[notice.kind];
  return look.books && !books ? OPEN : look;
}

export const KINDS = Object.keys(LOOKS) as NoticeKind[];
