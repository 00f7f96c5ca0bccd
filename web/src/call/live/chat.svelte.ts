/**
 * The chat of one conference. The server numbers the lines, keeps them and gives them to people who come late
 * (`conference/data/chat.py`). So does the server with lines of foreign clients. This page ignores their text streams on
 * topic `lk.chat`, in which it would read each line twice.
 */
import { RoomEvent, type Room } from 'livekit-client';
import { language } from '../../i18n/index.svelte';
import { answerIn, type Kept } from '../chat/kept';

export interface ChatLine {
  id: string;
  identity: string;
  name: string;
  text: string;
  at_ms: number;
  mine: boolean;
  /** The other person of a private line. Null: all people read the line. */
  alone: { identity: string; name: string } | null;
  /** The line that this line answers. Empty: none. */
  reply: string;
}

/** Where a new line goes. `to`: the identity of its only reader. `reply`: the line that it answers. Empty: all people, none. */
export interface Aim {
  to: string;
  reply: string;
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
const TOPIC = 'dc.chat';
/**
 * Milliseconds until the server has answered a line. Chosen. Longer: a person waits for a lost line. Shorter: a line counts as
 * lost although the line of the network is slow.
 */
const ANSWER_MS = 10_000;
/** The wait and the number of tries after the server said that lines come too fast: it takes one line a second. */
const AGAIN_MS = 1_200;
const TRIES = 4;

/** The server refused a line. The message is in the language of the page. */
export class ChatRefused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export class Chat {
  lines = $state.raw<ChatLine[]>([]);
  unread = $state(0);
  /** While the panel is open nothing counts as unread. */
  open = $state(false);
  /** The number of the server's last line. */
  private last = '';
  private serial = 0;
  /** The lines that wait for the server's answer, by key. */
  private readonly waiting = new Map<string, (error: Error | null) => void>();

  constructor(
    private readonly room: Room,
    private readonly heard: (line: ChatLine) => void,
  ) {
    room
      .on(RoomEvent.DataReceived, (payload, who, _kind, topic) => {
        // Only the server sends without a sender.
        if (topic === TOPIC && who === undefined) this.told(payload);
      })
      .on(RoomEvent.Connected, () => this.ask())
      .on(RoomEvent.Reconnected, () => this.ask());
  }

  async send(text: string, aim: Aim = { to: '', reply: '' }): Promise<void> {
    for (let left = TRIES; ; left -= 1) {
      try {
        return await this.say(text, aim);
      } catch (error) {
        if (left <= 1 || !(error instanceof ChatRefused) || error.code !== 'chat_too_fast') throw error;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  private async say(text: string, aim: Aim): Promise<void> {
    const key = String((this.serial += 1));
    const answered = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => this.settle(key, new Error('no answer')), ANSWER_MS);
      this.waiting.set(key, (error) => {
        clearTimeout(timer);
        if (error === null) resolve();
        else reject(error);
      });
    });
    this.publish({ say: text, key, ...aim }).catch((error: Error) => this.settle(key, error));
    await answered;
  }

  private settle(key: string, error: Error | null): void {
    this.waiting.get(key)?.(error);
    this.waiting.delete(key);
  }

  /** Ask for the lines that this page does not have. */
  private ask(): void {
    this.publish({ since: this.last }).catch(() => undefined);
  }

  private publish(message: Record<string, string>): Promise<void> {
    return this.room.localParticipant.publishData(new TextEncoder().encode(JSON.stringify(message)), { reliable: true, topic: TOPIC });
  }

  private told(payload: Uint8Array): void {
    const answer = answerIn(payload);
    if (answer === null) return;
    if ('lines' in answer) answer.lines.forEach((one) => this.keep(one, false));
    else if ('line' in answer) {
      this.keep(answer.line, true);
      this.settle(answer.key, null);
    } else if ('refused' in answer) this.settle(answer.refused.key, new ChatRefused(answer.refused.code, answer.refused[language()]));
    else this.lines = [];
  }

  private keep(kept: Kept, fresh: boolean): void {
    this.last = kept.id;
    const mine = kept.from === this.room.localParticipant.identity;
    const receiver = kept.to === undefined ? null : { identity: kept.to, name: kept.to_name || kept.to };
    const alone = receiver === null || mine ? receiver : { identity: kept.from, name: kept.name };
    const line = { id: kept.id, identity: kept.from, name: kept.name, text: kept.text, at_ms: kept.at, mine, alone, reply: kept.reply ?? '' };
    if (this.add(line) && fresh && !mine) this.count(line);
  }

  private count(line: ChatLine): void {
    if (this.open) return;
    this.unread += 1;
    this.heard(line);
  }

  show(open: boolean): void {
    this.open = open;
    if (open) this.unread = 0;
  }

  /** Add a line, and report whether it is new. */
  private add(line: ChatLine): boolean {
    const before = this.lines;
    this.lines = added(before, line);
    return this.lines !== before;
  }
}

/** Return the lines with one more, or the same array: a repeated id (a peer resends after reconnecting) is the same line. */
export function added(lines: ChatLine[], line: ChatLine): ChatLine[] {
  if (lines.some((other) => other.id === line.id)) return lines;
  return [...lines, line].sort((one, other) => one.at_ms - other.at_ms).slice(-MOST_LINES);
}

export type Piece = { text: string; link: string | null };

/** Split a message into words and web addresses. The addresses become links without any HTML parsing. */
export function pieces(text: string): Piece[] {
  return text
    .split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]])/g)
    .filter((part) => part !== '')
    .map((part) => ({ text: part, link: /^https?:\/\//.test(part) ? part : null }));
}
