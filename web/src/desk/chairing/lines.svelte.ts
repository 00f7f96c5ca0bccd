/**
 * The chat of a meeting at a desk without a call. The desk document says which line is the last one, and the orders
 * `chat_lines` and `chat_say` read and write (`signaling/desk/PROTOCOL.md`).
 */
import type { Chairing } from '../../call/chair/chairing.svelte';
import { added, ChatRefused, type Aim, type ChatLine } from '../../call/live/chat.svelte';
import { Refused } from '../../server/client';

/** A line as the orders give it. */
interface Given {
  id: string;
  at: number;
  writer: string;
  name: string;
  text: string;
  to: string;
  to_name: string;
  reply: string;
}

export class DeskLines {
  lines = $state.raw<ChatLine[]>([]);
  /** The lines of others that came while the chat was not on the screen. */
  unread = $state(0);
  private open = false;
  private last = '';
  private reading: Promise<void> | null = null;
  private again = false;
  /** The lines of the past count as read. */
  private begun = false;

  constructor(private readonly chairing: Chairing) {}

  show(open: boolean): void {
    this.open = open;
    if (open) this.unread = 0;
  }

  /** Read the lines that this desk does not have. `gone`: all lines were destroyed. */
  async read(gone = false): Promise<void> {
    if (gone) [this.lines, this.last, this.unread] = [[], '', 0];
    this.again = true;
    this.reading ??= this.readAll().finally(() => (this.reading = null));
    await this.reading;
  }

  async send(text: string, { to, reply }: Aim = { to: '', reply: '' }): Promise<void> {
    try {
      this.keep((await this.chairing.order('chat_say', { text, to, reply })) as unknown as Given);
    } catch (error) {
      throw error instanceof Refused ? new ChatRefused(error.code, error.message) : error;
    }
  }

  private async readAll(): Promise<void> {
    while (this.again) {
      this.again = false;
      try {
        const { lines, more } = (await this.chairing.order('chat_lines', { since: this.last })) as unknown as { lines: Given[]; more: boolean };
        lines.forEach((one) => this.keep(one));
        this.last = lines.at(-1)?.id ?? this.last;
        this.again ||= more;
        this.begun ||= !more;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return; // the next change, or the next connection, reads again
      }
    }
  }

  private keep(given: Given): void {
    const mine = given.writer === this.chairing.identity;
    const other = mine ? { identity: given.to, name: given.to_name || given.to } : { identity: given.writer, name: given.name };
    const line = { id: given.id, identity: given.writer, name: given.name, text: given.text, at_ms: given.at, mine, alone: given.to === '' ? null : other, reply: given.reply };
    const lines = added(this.lines, line);
    if (lines === this.lines) return;
    this.lines = lines;
    if (this.begun && !mine && !this.open) this.unread += 1;
  }
}
