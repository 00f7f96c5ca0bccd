/**
 * Every text of the desk in Vietnamese, with a file for each place. `{name}` marks a value. `desk-en.ts` has the same keys in
 * English.
 */
import { boardVi } from './desk/vi/board.ts';
import { chairingVi } from './desk/vi/chairing.ts';
import { bookVi } from './desk/vi/book.ts';
import { controlVi } from './desk/vi/control.ts';
import { rehearsalVi } from './desk/vi/rehearsal.ts';
import { directoryVi } from './desk/vi/directory.ts';
import { fieldsVi } from './desk/vi/fields.ts';
import { frameVi } from './desk/vi/frame.ts';
import { guestVi } from './desk/vi/guest.ts';
import { homeVi } from './desk/vi/home.ts';
import { meetingVi } from './desk/vi/meeting.ts';
import { noticesVi } from './desk/vi/notices.ts';
import { settingsVi } from './desk/vi/settings.ts';

export const deskVi = {
  ...boardVi,
  ...chairingVi,
  ...bookVi,
  ...controlVi,
  ...rehearsalVi,
  ...directoryVi,
  ...fieldsVi,
  ...frameVi,
  ...guestVi,
  ...homeVi,
  ...meetingVi,
  ...noticesVi,
  ...settingsVi,
} as const;

export type DeskKey = keyof typeof deskVi;
