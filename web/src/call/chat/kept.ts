/** Reads the messages of the server about the chat (`conference/data/chat.py`). Pure: bytes in, a message or nothing out. */

/** A line that the server keeps. */
export interface Kept {
  id: string;
  /** Milliseconds since 1970 by the server's clock. */
  at: number;
  from: string;
  name: string;
  text: string;
  /** The only reader besides the sender. Absent: all people read the line. */
  to?: string;
  to_name?: string;
  /** The line that this line answers. */
  reply?: string;
}

export type Answer = { lines: Kept[] } | { line: Kept; key: string } | { refused: { key: string; code: string; vi: string; en: string } } | { gone: true };

export function answerIn(payload: Uint8Array): Answer | null {
  try {
    const found = JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>;
    if (Array.isArray(found.lines)) return { lines: found.lines.filter(isKept) };
    if (isKept(found.line)) return { line: found.line, key: typeof found.key === 'string' ? found.key : '' };
    if (found.refused !== undefined) return { refused: found.refused as { key: string; code: string; vi: string; en: string } };
    return found.gone === true ? { gone: true } : null;
  } catch {
    return null;
  }
}

function isKept(value: unknown): value is Kept {
  const line = value as Partial<Kept> | null;
  if (typeof line !== 'object' || line === null || typeof line.at !== 'number') return false;
  const texts = [line.id, line.from, line.name, line.text].every((one) => typeof one === 'string');
  return texts && [line.to, line.to_name, line.reply].every((one) => one === undefined || typeof one === 'string');
}
