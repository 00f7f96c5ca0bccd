/** The chat of one conference: text streams on topic `lk.chat`, held in memory only. */
import type { Room } from 'livekit-client';

export interface ChatLine {
  id: string;
  identity: string;
  name: string;
  text: string;
  at_ms: number;
  mine: boolean;
}

/**
 * Characters of one message; the rest is cut. Chosen. Larger: one message fills the panel. Smaller: long messages lose
 * their end.
 */
export const MOST_CHARACTERS = 2_000;
/**
 * Messages that the panel keeps; the oldest is forgotten first. Chosen. Larger: more memory, and a slower panel. Smaller:
 * people cannot read back.
 */
const MOST_LINES = 500;
const TOPIC = 'lk.chat';

export class Chat {
  lines = $state.raw<ChatLine[]>([]);
  unread = $state(0);
  /** While the panel is open nothing counts as unread. */
  open = $state(false);

  constructor(
    private readonly room: Room,
    private readonly heard: (line: ChatLine) => void,
  ) {
    room.registerTextStreamHandler(TOPIC, (reader, sender) => {
      reader.readAll().then(
        (text) => this.receive(reader.info.id, sender.identity, text),
        () => undefined,
      );
    });
  }

  async send(text: string): Promise<void> {
    const { localParticipant } = this.room;
    const info = await localParticipant.sendText(text, { topic: TOPIC });
    this.add({ id: info.id, identity: localParticipant.identity, name: nameOf(localParticipant), text, at_ms: Date.now(), mine: true });
  }

  show(open: boolean): void {
    this.open = open;
    if (open) this.unread = 0;
  }

  close(): void {
    this.room.unregisterTextStreamHandler(TOPIC);
  }

  private receive(id: string, identity: string, text: string): void {
    const sender = this.room.getParticipantByIdentity(identity);
    const words = text.slice(0, MOST_CHARACTERS);
    if (sender === undefined || words.trim() === '') return;
    const line = { id: `${identity}/${id}`, identity, name: nameOf(sender), text: words, at_ms: Date.now(), mine: false };
    this.add(line);
    if (!this.open) {
      this.unread += 1;
      this.heard(line);
    }
  }

  /** A repeated id (a peer resends after reconnecting) is the same message. */
  private add(line: ChatLine): void {
    if (this.lines.some((other) => other.id === line.id)) return;
    this.lines = [...this.lines, line].slice(-MOST_LINES);
  }
}

function nameOf(participant: { name?: string | undefined; identity: string }): string {
  return participant.name || participant.identity;
}

export type Piece = { text: string; link: string | null };

/** Split a message into words and web addresses. The addresses become links without any HTML parsing. */
export function pieces(text: string): Piece[] {
  return text
    .split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]])/g)
    .filter((part) => part !== '')
    .map((part) => ({ text: part, link: /^https?:\/\//.test(part) ? part : null }));
}
