import { describe, expect, it } from 'vitest';
import { MainPicture, afterFirst, keepOrder, promote } from '../../src/call/live/order';

describe('order of tiles', () => {
  it('puts the composed picture after the own one', () => {
    expect(afterFirst(['me', 'a', 'halls', 'b'], 'halls')).toEqual(['me', 'halls', 'a', 'b']);
    expect(afterFirst(['me', 'a'], 'halls')).toEqual(['me', 'a']);
    expect(afterFirst(['me', 'a'], undefined)).toEqual(['me', 'a']);
  });

  it('keeps places, drops who left, appends who came', () => {
    expect(keepOrder(['me', 'a', 'b', 'c'], ['me', 'd', 'c', 'a'])).toEqual(['me', 'a', 'c', 'd']);
  });

  it('brings an unseen speaker forward for the one silent longest', () => {
    const spoke = new Map([['a', 50], ['b', 10], ['me', 0]]);
    expect(promote(['me', 'a', 'b', 'c', 'd'], ['d'], 3, spoke, new Set(['me']))).toEqual(['me', 'a', 'd', 'c', 'b']);
  });

  it('moves nobody for a speaker who is seen already, nor oneself', () => {
    expect(promote(['me', 'a', 'b'], ['a'], 2, new Map(), new Set(['me']))).toEqual(['me', 'a', 'b']);
    expect(promote(['me', 'a'], ['a'], 1, new Map(), new Set(['me']))).toEqual(['me', 'a']);
  });

  it('does not swap two speakers for each other', () => {
    expect(promote(['a', 'b', 'c'], ['a', 'b', 'c'], 2, new Map(), new Set())).toEqual(['a', 'b', 'c']);
  });
});

describe('the main picture', () => {
  it('takes the first speaker at once and another only after a while', () => {
    const picture = new MainPicture(1_500);
    expect(picture.next('a', 0)).toBe('a');
    expect(picture.next('b', 100)).toBe('a');
    expect(picture.next('b', 1_599)).toBe('a');
    expect(picture.next('b', 1_600)).toBe('b');
  });

  it('ignores an interjection and keeps the last speaker in silence', () => {
    const picture = new MainPicture(1_500);
    picture.next('a', 0);
    picture.next('b', 100);
    expect(picture.next('a', 600)).toBe('a');
    expect(picture.next('b', 1_700)).toBe('a');
    expect(picture.next(null, 9_000)).toBe('a');
  });

  it('forgets who left', () => {
    const picture = new MainPicture();
    picture.next('a', 0);
    picture.forget('a');
    expect(picture.next(null, 1)).toBeNull();
    expect(picture.next('b', 2)).toBe('b');
  });
});
