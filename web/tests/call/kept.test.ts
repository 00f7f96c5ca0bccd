import { describe, expect, it } from 'vitest';
import { answerIn } from '../../src/call/chat/kept';

const packet = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const line = { id: 'a', at: 1_000, from: 'an', name: 'Nguyễn Văn An', text: 'Kính chào' };

describe('the server about the chat', () => {
  it('gives lines, answers and refusals', () => {
    expect(answerIn(packet({ line, key: '1' }))).toEqual({ line, key: '1' });
    expect(answerIn(packet({ line }))).toEqual({ line, key: '' });
    expect(answerIn(packet({ lines: [line, { ...line, at: 'soon' }, null], end: true }))).toEqual({ lines: [line] });
    expect(answerIn(packet({ refused: { key: '1', code: 'chat_off', vi: 'Đã tắt', en: 'Off' } }))).toMatchObject({ refused: { code: 'chat_off' } });
    expect(answerIn(packet({ gone: true }))).toEqual({ gone: true });
  });

  it('gives private lines and answers', () => {
    const alone = { ...line, to: 'binh', to_name: 'Trần Thị Bình', reply: 'b' };
    expect(answerIn(packet({ line: alone, key: '' }))).toEqual({ line: alone, key: '' });
    expect(answerIn(packet({ line: { ...line, to: 5 }, key: '' }))).toBeNull();
  });

  it('is nothing else', () => {
    for (const other of ['', '{', 'null', '[]', { line: { id: 1 } }, { gone: 'yes' }]) expect(answerIn(packet(other))).toBeNull();
  });
});
