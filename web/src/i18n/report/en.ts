/** The English texts of `vi.ts`. */
import type { ReportKey } from './vi';

export const reportEn: Record<ReportKey, string> = {
  'report.title': 'Report the delegates of a site',
  'report.number': 'Delegates present',
  'report.head': 'Head of delegation',
  'report.headHint': 'Title and name. The name stands under the picture when the site speaks.',
  'report.deputies': 'Deputies',
  'report.deputiesHint': 'One person a line, at most {most}.',
  'report.wrongNumber': 'Enter a number from 0 to {most}.',
  'report.manyDeputies': 'At most {most} people.',
  'report.send': 'Send to the secretary',
  'report.sendAgain': 'Send again',
  'report.sent': 'Sent: {n} delegates.',
  'report.change': 'Change',
  'report.own': 'Report delegates',
  'report.none': 'This site has not reported its delegates.',
  'report.said': 'Reported: {n} delegates',
  'report.closed': 'Close',
  'report.ask': 'The roll is about to be called: how many delegates are at this site?',
  'report.later': 'Later',
  'report.byNumber': 'Press the number of delegates, then OK',
  'report.byPhone': 'Scan the code to enter the head of delegation on a phone',
  'report.damaged': 'The end of the link is missing. Scan the QR code again, or open the link again.',
  'report.until': 'The link is for this site of this meeting only.',
};
