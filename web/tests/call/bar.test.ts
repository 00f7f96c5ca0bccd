import { describe, expect, it } from 'vitest';
import { planBar, type BarItem } from '../../src/call/bar/bar';

const ALL: BarItem[] = ['shortcuts', 'camera', 'chat', 'hand', 'share', 'people', 'lobby', 'view', 'invite', 'settings', 'statistics'];
/** Return the width of the controls on the bar, including the fixed controls; CSS pixels. */
function taken(width: number, compact: boolean, offered: readonly BarItem[]): number {
  const { shown, folded } = planBar(width, 16, compact, offered);
  const others = shown.size + 1 + (folded.length > 0 ? 1 : 0);
  return compact ? others * 50 + 54 - 2 : (others + 1) * 76 - 8;
}

describe('bar', () => {
  it('holds what fits and folds the rest: nothing is lost at any width', () => {
    for (let width = 304; width <= 1900; width += 1) {
      const compact = width <= 584;
      const { shown, folded } = planBar(width, 16, compact, ALL);
      expect([...shown, ...folded].sort()).toEqual([...ALL].sort());
      expect(taken(width, compact, ALL)).toBeLessThanOrEqual(width);
    }
  });

  it('keeps what is needed in a hurry longest', () => {
    expect([...planBar(304, 16, true, ALL).shown]).toEqual(['camera', 'hand', 'chat']);
    expect([...planBar(304, 16, true, [...ALL, 'chair']).shown]).toEqual(['camera', 'chair', 'hand']);
    expect([...planBar(651, 16, false, ALL).shown]).toEqual(['camera', 'hand', 'chat', 'share', 'people']);
    expect([...planBar(788, 16, false, ALL).shown]).toEqual(['camera', 'hand', 'chat', 'share', 'people', 'lobby', 'view']);
  });

  it('has no "more" where all fits, and folds sooner where text is larger', () => {
    expect(planBar(1248, 16, false, ALL).folded).toEqual([]);
    expect(planBar(1248, 24, false, ALL).folded).not.toEqual([]);
  });

  it('shows no icon without its caption that does not speak for itself', () => {
    expect([...planBar(828, 16, true, ALL).shown]).toEqual(['camera', 'hand', 'chat', 'share', 'people', 'lobby']);
  });
});
