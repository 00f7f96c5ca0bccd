import { beforeEach, describe, expect, it } from 'vitest';
import { invitationText, type Invitation } from '../src/entrance/invitation';
import { forgetAllRecent, forgetRecent, keepRecent, RECENT_DAYS, RECENT_MEETINGS, recentMeetings } from '../src/entrance/recent';
import { wanted } from '../src/entrance/wanted';
import { speak } from '../src/i18n/index.svelte';
import { t } from '../src/i18n/call.svelte';
import { numberFor, type Visit } from '../src/server/visit';

const HERE = 'https://hop.example.vn';
const NOW = Date.UTC(2026, 11, 1, 13, 5);
const DAY_MS = 86_400_000;

describe('what a person pastes', () => {
  const meeting = (conference: string, invite: string | null = null) => ({ meeting: { conference, invite } });

  it.each([
    ['abc-defg-hij', meeting('abc-defg-hij')],
    ['ABC DEFG HIJ', meeting('abc-defg-hij')],
    ['123 456 789', { path: '/join?number=123456789' }],
    ['123-456-789', { path: '/join?number=123456789' }],
    ['https://hop.example.vn/m/abc-defg-hij#k=secret', { meeting: { conference: 'abc-defg-hij', invite: 'secret' } }],
    ['hop.example.vn/m/abc-defg-hij', meeting('abc-defg-hij')],
    ['Họp giao ban\nVào họp: https://hop.example.vn/m/abc-defg-hij#k=s\nMã: 123 456 789', { meeting: { conference: 'abc-defg-hij', invite: 's' } }],
    ['Mời họp lúc 14 giờ, mã cuộc họp 123 456 789, PIN 482913', { path: '/join?number=123456789' }],
    ['Mã cuộc họp: abc-defg-hij.', meeting('abc-defg-hij')],
    ['https://hop.example.vn/join?number=123456789', { path: '/join?number=123456789' }],
    ['https://hop.example.vn/moi#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', { path: '/moi#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }],
  ])('%j', (text, found) => {
    expect(wanted(text, HERE)).toMatchObject(found);
  });

  it.each(['', 'họp giao ban', 'https://evil.example/join?number=1', 'https://evil.example/moi#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'https://hop.example.vn/settings', 'https://', 'điện thoại 0912345678'])('%j is none', (text) => {
    expect(wanted(text, HERE)).toBeNull();
  });

  it('finds the meeting of the invitation that this page writes', () => {
    const text = invitationText({ title: 'Giao ban', link: `${HERE}/m/abc-defg-hij#k=s`, number: 'abc-defg-hij', pin: false, lobby: true, planned: null }, new Date(NOW), t);
    expect(wanted(text, HERE)).toEqual({ meeting: expect.objectContaining({ conference: 'abc-defg-hij', invite: 's' }) });
  });
});

describe('recent meetings', () => {
  beforeEach(() => localStorage.clear());

  it('are the newest ones, each once, up to the limit', () => {
    for (let n = 0; n <= RECENT_MEETINGS; n++) keepRecent(`10000000${n}`, `Họp ${n}`, NOW + n);
    expect(recentMeetings(NOW + 100)).toHaveLength(RECENT_MEETINGS);
    expect(recentMeetings(NOW + 100)[0]).toEqual({ number: `10000000${RECENT_MEETINGS}`, title: `Họp ${RECENT_MEETINGS}`, at: NOW + RECENT_MEETINGS });
    keepRecent('100000003', 'Họp 3, tên mới', NOW + 50);
    expect(recentMeetings(NOW + 100).map((one) => one.number)).toHaveLength(RECENT_MEETINGS);
    expect(recentMeetings(NOW + 100)[0]?.title).toBe('Họp 3, tên mới');
  });

  it('end after some days, and are removed one by one and together', () => {
    keepRecent('abc-defg-hij', 'Giao ban', NOW);
    keepRecent('123456789', '', NOW + DAY_MS);
    expect(recentMeetings(NOW + RECENT_DAYS * DAY_MS).map((one) => one.number)).toEqual(['123456789']);
    forgetRecent('123456789');
    expect(recentMeetings(NOW + DAY_MS).map((one) => one.number)).toEqual(['abc-defg-hij']);
    forgetAllRecent();
    expect(localStorage.length).toBe(0);
  });

  it('never hold a secret, and survive a spoilt list', () => {
    keepRecent('/m/abc-defg-hij#k=secret', 'x', NOW);
    keepRecent('', 'x', NOW);
    expect(localStorage.length).toBe(0);
    for (const spoilt of ['{', '7', '[null, 3, {"number": "a b", "title": "x", "at": 1}, {"number": "abc"}]']) {
      localStorage.setItem('diemcau.recent', spoilt);
      expect(recentMeetings(NOW)).toEqual([]);
    }
  });

  it('have the number that the person typed, and none for a personal link', () => {
    const visit = (key: string, conference: string) => numberFor({ key, conference } as Visit);
    expect([visit('number-123 456 789', ''), visit('abc-defg-hij', 'abc-defg-hij'), visit('link', ''), visit('date-17', '')]).toEqual(['123456789', 'abc-defg-hij', '', '']);
  });
});

describe('the text of an invitation', () => {
  const own: Invitation = { title: 'Họp giao ban', link: `${HERE}/m/abc-defg-hij`, number: 'abc-defg-hij', pin: false, lobby: false, planned: null };

  it('says title, time, link and number', () => {
    speak('vi');
    expect(invitationText(own, new Date(NOW), t)).toBe(
      'Mời dự họp: Họp giao ban\nThời gian: đang họp (lúc 20:05 ngày 01/12/2026)\nVào họp: https://hop.example.vn/m/abc-defg-hij\nMã cuộc họp: abc-defg-hij',
    );
    const planned = { starts_at: '2026-12-02T00:30:00Z', ends_at: '2026-12-02T04:00:00Z' };
    const booked = invitationText({ ...own, number: '123456789', pin: true, lobby: true, planned }, new Date(NOW), t);
    expect(booked).toContain('Thời gian: từ 07:30 đến 11:00 ngày 02/12/2026\n');
    expect(booked).toContain('Mã cuộc họp: 123 456 789\n');
    expect(booked).toMatch(/PIN.*\nPhòng chờ đang bật/);
    expect(invitationText({ ...own, planned: { ...planned, ends_at: '2026-12-03T04:00:00Z' } }, new Date(NOW), t)).toContain('từ 07:30 ngày 02/12/2026 đến 11:00 ngày 03/12/2026');
  });

  it('leaves out a number that opens nothing', () => {
    expect(invitationText({ ...own, number: '' }, new Date(NOW), t)).not.toContain('Mã');
  });
});
