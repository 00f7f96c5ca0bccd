import { describe, expect, it } from 'vitest';
import { parseRoute } from '../../src/browser/route';
import { nextPlace, remoteOf } from '../../src/hall/remote';

const key = (name: string, more = {}) => remoteOf({ key: name, ctrlKey: false, altKey: false, metaKey: false, ...more });

describe('the keys of a remote control', () => {
  it('are arrows, back and digits', () => {
    expect([key('ArrowLeft'), key('ArrowUp'), key('ArrowRight'), key('ArrowDown')]).toEqual([{ move: -1 }, { move: -1 }, { move: 1 }, { move: 1 }]);
    expect([key('Backspace'), key('Escape')]).toEqual([{ back: true }, { back: true }]);
    expect([key('5'), key('0')]).toEqual([{ digit: 5 }, { digit: 0 }]);
    expect([key('Enter'), key('a'), key('F5'), key('5', { ctrlKey: true })]).toEqual([null, null, null, null]);
  });
  it('lead round the buttons', () => {
    expect([nextPlace(3, -1, 1), nextPlace(3, -1, -1), nextPlace(3, 2, 1), nextPlace(3, 0, -1), nextPlace(0, -1, 1)]).toEqual([0, 2, 0, 2, -1]);
  });
  it('work on the page of the hall', () => {
    expect(parseRoute(new URL('https://hop.vn/diem-cau'))).toEqual({ page: 'hall' });
  });
});
