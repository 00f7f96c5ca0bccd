import { describe, expect, it } from 'vitest';
import { cornerAt, GAP_PX, isPair, isPinned, mostTiles, nextCorner, ownSize, planGrid, planSpeaker, viewFor } from '../../src/call/stage/layout';

const AREAS = [
  { width: 1264, height: 666 },
  { width: 912, height: 666 },
  { width: 344, height: 620 },
  { width: 724, height: 240 },
  { width: 304, height: 400 },
  { width: 2500, height: 1300 },
];

describe('grid', () => {
  it.each(AREAS)('stays inside $width x $height and shows everybody on some page', (area) => {
    const most = mostTiles(area);
    for (let count = 1; count <= 120; count += 1) {
      const plan = planGrid(area, count, most);
      expect(plan.perPage).toBeLessThanOrEqual(most);
      expect(plan.perPage * plan.pages).toBeGreaterThanOrEqual(count);
      expect(plan.columns * plan.tile.width + (plan.columns - 1) * GAP_PX).toBeLessThanOrEqual(area.width);
      expect(plan.rows * plan.tile.height + (plan.rows - 1) * GAP_PX).toBeLessThanOrEqual(area.height);
      expect(plan.columns * plan.rows).toBeGreaterThanOrEqual(plan.perPage);
    }
  });

  it('decodes at most 25 tiles on a desktop and 4 on a phone', () => {
    expect(planGrid({ width: 1900, height: 950 }, 200, mostTiles({ width: 1920, height: 1080 })).perPage).toBe(25);
    expect(planGrid({ width: 344, height: 620 }, 200, mostTiles({ width: 360, height: 740 })).perPage).toBe(4);
    expect(mostTiles({ width: 740, height: 360 })).toBe(4);
  });

  it('survives an area that is not laid out yet', () => {
    expect(planGrid({ width: 0, height: 0 }, 10, 25).tile).toEqual({ width: 0, height: 0 });
  });
});

describe('speaker view', () => {
  it.each(AREAS)('never shows more than the limit in $width x $height', (area) => {
    const most = mostTiles(area);
    for (let others = 0; others <= 60; others += 1) {
      const plan = planSpeaker(area, others, most);
      expect(plan.count).toBeGreaterThanOrEqual(1);
      expect(plan.count + 1).toBeLessThanOrEqual(most);
    }
  });
});

describe('automatic view', () => {
  const now = { sharing: false, pinned: false, count: 3, phone: false };
  it('is a grid until there is something to look at', () => {
    expect(viewFor('auto', now)).toBe('grid');
    expect(viewFor('auto', { ...now, sharing: true })).toBe('speaker');
    expect(viewFor('auto', { ...now, pinned: true })).toBe('speaker');
    expect(viewFor('auto', { ...now, phone: true, count: 5 })).toBe('speaker');
    expect(viewFor('auto', { ...now, phone: true, count: 4 })).toBe('grid');
  });
  it('gives way to a choice', () => {
    expect(viewFor('grid', { ...now, sharing: true })).toBe('grid');
    expect(viewFor('speaker', now)).toBe('speaker');
  });
});

describe('what is pinned on a phone', () => {
  it('has the place but for a row of small tiles, all of it where the phone lies', () => {
    const area = { width: 344, height: 620 };
    for (let others = 1; others <= 60; others += 1) {
      const plan = planSpeaker(area, others, 4, true);
      expect(plan.count).toBe(Math.min(3, others));
      expect(plan.count * plan.tile.width + (plan.count - 1) * GAP_PX).toBeLessThanOrEqual(area.width);
      expect(plan.main_px! + GAP_PX + plan.tile.height).toBe(area.height);
      expect(plan.main_px!).toBeGreaterThan(area.height * 0.8);
    }
    expect(planSpeaker(area, 0, 4, true)).toMatchObject({ main_px: 620, count: 0 });
    expect(planSpeaker({ width: 724, height: 240 }, 9, 4, true)).toMatchObject({ main_px: 240, count: 0 });
  });

  it('is one picture of a person who shows two', () => {
    const screen = { identity: 'a', screen: true };
    expect([isPinned(screen, 'a', true), isPinned(screen, 'a', false), isPinned(screen, 'b', true), isPinned(null, 'a', true)]).toEqual([true, false, false, false]);
  });
});

describe('two people', () => {
  it('are large and small in the automatic view only', () => {
    expect(isPair('auto', 'grid', 2)).toBe(true);
    expect([isPair('grid', 'grid', 2), isPair('auto', 'speaker', 2), isPair('auto', 'grid', 1), isPair('auto', 'grid', 3)]).toEqual([false, false, false, false]);
  });

  it('move the own picture to the nearest corner, or to each corner in turn', () => {
    const area = { width: 1000, height: 600 };
    expect(cornerAt({ x: 10, y: 10 }, area)).toBe('top-left');
    expect(cornerAt({ x: 900, y: 20 }, area)).toBe('top-right');
    expect(cornerAt({ x: 30, y: 500 }, area)).toBe('bottom-left');
    let corner = cornerAt({ x: 900, y: 500 }, area);
    const seen = [0, 1, 2, 3].map(() => (corner = nextCorner(corner)));
    expect(new Set(seen).size).toBe(4);
    expect(corner).toBe('bottom-right');
  });

  it('leave the other person most of the picture', () => {
    for (const area of AREAS) expect(ownSize(area).width).toBeLessThanOrEqual(Math.max(104, area.width / 4));
  });
});

describe('the small pictures beside a large one', () => {
  it('leave room for the buttons that turn the pages, if there are pages', () => {
    const area = { width: 1264, height: 666 };
    const fitting = planSpeaker(area, 1, 25).count;
    expect(planSpeaker(area, fitting, 25).count).toBe(fitting);
    const { count, tile } = planSpeaker(area, fitting + 1, 25);
    expect(count * tile.height + (count - 1) * GAP_PX).toBeLessThanOrEqual(area.height - 44);
  });
});
