import { describe, expect, it } from 'vitest';
import { initial, person, plain, tint } from '../../src/call/stage/names';

describe('names', () => {
  it.each([
    ['Nguyễn Văn An', 'A'],
    ['Trần Thị Ánh - UBND xã B', 'Á'],
    ['đặng thị đào', 'Đ'],
    ['Điểm cầu UBND huyện Đức Hòa', 'H'],
    ['Điểm cầu UBND Xã 07', '07'],
    ['', '?'],
  ])('%j shows %j', (name, letter) => {
    expect(initial(name)).toBe(letter);
  });

  it('separates the person from the office', () => {
    expect(person('Lê Hoàng Cường - Sở Y tế')).toBe('Lê Hoàng Cường');
    expect(person('Lê Hoàng Cường, Sở Y tế')).toBe('Lê Hoàng Cường');
    expect(person('Lê Hoàng Cường')).toBe('Lê Hoàng Cường');
  });

  it('searches without diacritics', () => {
    expect(plain('Điểm cầu huyện Đức Hòa')).toBe('diem cau huyen duc hoa');
  });

  it('gives one person one colour', () => {
    expect(tint('p-1')).toBe(tint('p-1'));
    expect(tint('p-1')).toBeGreaterThanOrEqual(0);
    expect(tint('p-1')).toBeLessThan(6);
  });
});
