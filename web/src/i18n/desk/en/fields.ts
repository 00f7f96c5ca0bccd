/** Fields of forms: days, files, choices, trees of units. */
import type { fieldsVi } from '../vi/fields';

export const fieldsEn: Record<keyof typeof fieldsVi, string> = {
  'date.form': 'dd/mm/yyyy',
  'date.choose': 'Choose a day',
  'date.missing': 'Enter a day.',
  'date.wrong': 'This is not a day. Enter day, month and year, such as 30/11/2026.',
  'date.early': 'Choose a day from {day} on.',
  'date.before': 'Month before',
  'date.after': 'Month after',
  'date.today': 'Today',
  'file.choose': 'Choose a file',
  'file.other': 'Choose another',
  'file.none': 'No file yet',
  'pick.clear': 'Clear {name}',
  'pick.failed': 'The search failed. Check the network and type again.',
  'pick.searching': 'Searching…',
  'pick.none': 'Nothing found. Try another word.',
  'tree.search': 'Find a unit',
  'tree.hint': 'For example: so noi vu',
  'tree.list': 'A list can be pasted: one unit a line, or units between commas.',
  'tree.missing': 'Not found: {names}.',
  'tree.fold': 'Open or fold {name}',
  'tree.below': 'take the {n} below',
  'tree.noneBelow': 'drop those below',
  'tree.all': 'Take all {n} found',
};
