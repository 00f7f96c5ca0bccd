/** The notes of one date for its desk: what is stored, what is being written, and the refusal of a writer who came too late. */
import type { Note, NoteStored } from '../../server/model';
import { all, newKey, send } from '../data/client';
import { Loaded } from '../data/loaded.svelte';

export class Pad {
  readonly stored: Loaded<Note[]>;
  /** The words of the new note. They stay here until the server has stored them, also after the end of the meeting. */
  draft = $state('');
  /** The note that is being changed, with the version that its writer has read. */
  open = $state.raw<Note | null>(null);
  changed = $state('');
  busy = $state(false);
  error = $state.raw<unknown>(null);
  /** The id of the new note. A note that is sent twice is stored once. */
  private id = '';
  private readonly path: string;

  /** `give` gives the order `note` to the running meeting. Null: no meeting runs, and the pad writes to the record of the date. */
  constructor(
    occurrence: string,
    private readonly give: (note: Record<string, unknown>) => Promise<unknown> | null,
  ) {
    this.path = `/occurrences/${occurrence}/notes`;
    this.stored = new Loaded(() => all<Note>(this.path));
  }

  /** Store the new note about an item of the agenda (empty: the meeting as a whole). */
  async add(item: string): Promise<void> {
    if (this.draft.trim() === '') return;
    if (this.id === '') this.id = newKey().replaceAll('-', '').slice(0, 32);
    const text = this.draft;
    const done = await this.put(this.id, { item, text, version: 0 });
    if (!done) return;
    this.id = '';
    if (this.draft === text) this.draft = '';
  }

  begin(note: Note): void {
    [this.open, this.changed, this.error] = [note, note.text, null];
  }

  cancel(): void {
    [this.open, this.error] = [null, null];
  }

  /** Store the changed note. An empty text deletes the note. */
  async save(text = this.changed): Promise<void> {
    const note = this.open;
    if (note !== null && (await this.put(note.id, { item: note.item, text, version: note.version }))) this.open = null;
  }

  private async put(id: string, note: { item: string; text: string; version: number }): Promise<boolean> {
    this.busy = true;
    this.error = null;
    try {
      await (this.give({ id, ...note }) ?? send<NoteStored>('PUT', `${this.path}/${id}`, note));
      return true;
    } catch (error) {
      this.error = error;
      return false;
    } finally {
      this.busy = false;
      await this.stored.refresh(); // a refused writer then sees the words of the other
    }
  }
}
