import { describe, expect, it } from 'vitest';
import { checkPath, leadsOn, meetingPath, opensHereOnly, parseRoute, typedMeeting } from '../src/browser/route';

const at = (path: string) => parseRoute(new URL(path, 'https://hop.example.vn'));

describe('addresses', () => {
  it('knows the pages', () => {
    expect(at('/')).toEqual({ page: 'home' });
    expect(at('/trust')).toEqual({ page: 'trust' });
    expect(at('/diemdanh/d-17#6a.abc')).toEqual({ page: 'report', conference: 'd-17', code: '6a.abc' });
    expect(at('/phieu#K7Q2M9XA')).toEqual({ page: 'card', code: 'K7Q2M9XA' });
    expect(at('/phieu')).toEqual({ page: 'card', code: '' });
    expect(at('/m/abc-defg-hij')).toEqual({ page: 'meeting', conference: 'abc-defg-hij', invite: null });
    expect(at('/hop/17/')).toMatchObject({ page: 'desk', place: { desk: 'meetings', parts: ['17'] } });
    for (const path of ['/nowhere', '/constructor', '/__proto__', '/toString/x', 'https://hop.example.vn//my', '/meetings//17', '/my//']) expect(at(path)).toEqual({ page: 'missing' });
  });

  it('reads the invite from the fragment first, then from the query', () => {
    expect(at('/m/abc-defg-hij#k=one')).toMatchObject({ invite: 'one' });
    expect(at('/m/abc-defg-hij?k=two')).toMatchObject({ invite: 'two' });
    expect(at('/m/abc-defg-hij?k=two#k=one')).toMatchObject({ invite: 'one' });
  });

  it('writes what it reads', () => {
    const path = meetingPath('abc-defg-hij', 'a+b/c=');
    expect(path.startsWith('/m/abc-defg-hij#k=')).toBe(true);
    expect(at(path)).toMatchObject({ conference: 'abc-defg-hij', invite: 'a+b/c=' });
  });

  it('knows links that no other machine opens', () => {
    for (const host of ['localhost', 'hop.localhost', '127.0.0.1', '127.1.2.3', '[::1]']) expect(opensHereOnly(`http://${host}:7880/m/a`)).toBe(true);
    for (const host of ['hop.example.vn', 'localhost.example.vn', '127.example.vn', '192.0.2.7', '[2001:db8::1]']) expect(opensHereOnly(`https://${host}/m/a`)).toBe(false);
  });

  it('follows a link that is pasted over an open page, and no jump within it', () => {
    const leads = (from: string, to: string) => leadsOn(at(from), at(to), new URL(to, 'https://hop.example.vn').hash);
    const secret = 'a'.repeat(32);
    for (const from of ['/m/abc-defg-hij', '/m/abc-defg-hij#k=one']) {
      expect(leads(from, '/m/abc-defg-hij#k=two')).toBe(true);
      expect(leads(from, '/m/abc-defg-hij')).toBe(true);
      expect(leads(from, '/m/abc-defg-hij#main')).toBe(false);
      expect(leads(from, '/m/bcd-efgh-ijk#main')).toBe(true);
    }
    for (const path of [`/sign-in#link=${secret}`, `/sign-in#k=${secret}`, `/moi#${secret}`, `/join#k=${secret}`]) {
      expect(leads(path.replace(/#.*/, ''), path)).toBe(true);
      expect(leads(path, path.replace(/#.*/, '#main'))).toBe(false);
      expect(leads(path, path.replace(/#.*/, ''))).toBe(false);
    }
    expect(leads('/guides/thu-ky', '/guides/thu-ky#chuan-bi-cuoc-hop-sap-toi')).toBe(false);
    expect(leads('/my', '/board#main')).toBe(true);
    expect(leads('/test#back=/m/abc-defg-hij', '/test#main')).toBe(false);
    expect(leads('/test', '/test#back=/m/abc-defg-hij')).toBe(true);
    expect(leads('/', '/#main')).toBe(false);
    expect(leads('/nowhere', '/elsewhere')).toBe(true);
  });

  it('comes back from the check to the meeting, and nowhere else', () => {
    expect(at(checkPath('abc-defg-hij', 'a+b/c='))).toEqual({ page: 'test', back: { conference: 'abc-defg-hij', invite: 'a+b/c=' } });
    expect(at(checkPath('abc-defg-hij', null))).toEqual({ page: 'test', back: { conference: 'abc-defg-hij', invite: null } });
    for (const path of ['/test', '/test#back=', '/test#back=/my', '/test#back=//other.vn/m/abc-defg-hij', '/test#back=https://other.vn/m/abc-defg-hij', '/test#back=/m/%253Cscript%253E'])
      expect(at(path)).toEqual({ page: 'test', back: null });
  });

  it('refuses names that are no meeting number', () => {
    expect(at('/m/%3Cscript%3E')).toEqual({ page: 'missing' });
    expect(at(`/m/${'a'.repeat(65)}`)).toEqual({ page: 'missing' });
  });
});

describe('what people type', () => {
  it.each([
    ['abc-defg-hij', 'abc-defg-hij'],
    ['  ABC-DEFG-HIJ ', 'abc-defg-hij'],
    ['abcdefghij', 'abc-defg-hij'],
    ['abc defg hij', 'abc-defg-hij'],
    ['giao-ban-2021', 'giao-ban-2021'],
  ])('%s', (typed, conference) => {
    expect(typedMeeting(typed)).toEqual({ conference, invite: null });
  });

  it('takes whole links, with or without a scheme', () => {
    expect(typedMeeting('https://hop.example.vn/m/abc-defg-hij#k=s')).toMatchObject({ conference: 'abc-defg-hij', invite: 's' });
    expect(typedMeeting('hop.example.vn/m/abc-defg-hij')).toMatchObject({ conference: 'abc-defg-hij' });
  });

  it.each(['', 'họp giao ban', 'https://', 'https://hop.example.vn/', 'a/b'])('refuses %j', (typed) => {
    expect(typedMeeting(typed)).toBeNull();
  });
});
