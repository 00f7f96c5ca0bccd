import { describe, expect, it } from 'vitest';
import { checkPath, meetingPath, parseRoute, typedMeeting } from '../src/route';

const at = (path: string) => parseRoute(new URL(path, 'https://hop.example.vn'));

describe('addresses', () => {
  it('knows the pages', () => {
    expect(at('/')).toEqual({ page: 'home' });
    expect(at('/trust')).toEqual({ page: 'trust' });
    expect(at('/m/abc-defg-hij')).toEqual({ page: 'meeting', conference: 'abc-defg-hij', invite: null });
    expect(at('/nowhere')).toEqual({ page: 'home' });
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

  it('comes back from the check to the meeting, and nowhere else', () => {
    expect(at(checkPath('abc-defg-hij', 'a+b/c='))).toEqual({ page: 'test', back: { conference: 'abc-defg-hij', invite: 'a+b/c=' } });
    expect(at(checkPath('abc-defg-hij', null))).toEqual({ page: 'test', back: { conference: 'abc-defg-hij', invite: null } });
    for (const path of ['/test', '/test#back=', '/test#back=/my', '/test#back=//other.vn/m/abc-defg-hij', '/test#back=https://other.vn/m/abc-defg-hij', '/test#back=/m/%253Cscript%253E'])
      expect(at(path)).toEqual({ page: 'test', back: null });
  });

  it('refuses names that are no meeting number', () => {
    expect(at('/m/%3Cscript%3E')).toEqual({ page: 'home' });
    expect(at(`/m/${'a'.repeat(65)}`)).toEqual({ page: 'home' });
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
