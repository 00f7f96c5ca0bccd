/** Every text of the desk in English, with a file for each place. */
import { boardEn } from './desk/en/board';
import { chairingEn } from './desk/en/chairing';
import { bookEn } from './desk/en/book';
import { controlEn } from './desk/en/control';
import { rehearsalEn } from './desk/en/rehearsal';
import { directoryEn } from './desk/en/directory';
import { fieldsEn } from './desk/en/fields';
import { frameEn } from './desk/en/frame';
import { guestEn } from './desk/en/guest';
import { homeEn } from './desk/en/home';
import { meetingEn } from './desk/en/meeting';
import { noticesEn } from './desk/en/notices';
import { settingsEn } from './desk/en/settings';
import type { DeskKey } from './desk-vi';

export const deskEn: Record<DeskKey, string> = {
  ...boardEn,
  ...chairingEn,
  ...bookEn,
  ...controlEn,
  ...rehearsalEn,
  ...directoryEn,
  ...fieldsEn,
  ...frameEn,
  ...guestEn,
  ...homeEn,
  ...meetingEn,
  ...noticesEn,
  ...settingsEn,
};
