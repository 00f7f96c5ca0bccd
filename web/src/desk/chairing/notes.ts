/** The notes of a meeting by the item of the agenda. Pure. */
import type { Note } from '../../server/model';

export interface Section {
  /** The title of the item. Empty: the meeting as a whole. */
  item: string;
  notes: Note[];
}

/** Return the notes by item, in the order in which the first note of each item was begun. */
export function sectionsOf(notes: readonly Note[]): Section[] {
  const found = new Map<string, Note[]>();
  for (const note of notes) found.set(note.item, [...(found.get(note.item) ?? []), note]);
  return [...found].map(([item, own]) => ({ item, notes: own }));
}
