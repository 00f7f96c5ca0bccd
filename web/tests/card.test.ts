import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PhoneCard } from '../src/card/card.svelte';

/** A server with the codes of sites. A vote ends when its codes are removed. */
class Votes {
  readonly codes = new Map<string, { vote: string; site: string }>();
  /** The phones with a card, by code. */
  readonly held = new Map<string, string[]>();

  answer(path: string, sent: { code: string; phone: string; known?: string[]; choices?: number[] }): Response {
    const found = this.codes.get(sent.code);
    if (found === undefined) return this.refuse('vote_code_wrong');
    const phones = this.held.get(sent.code) ?? [];
    if (!phones.includes(sent.phone)) {
      if (sent.known?.includes(found.vote) === true) return this.refuse('vote_card_kept');
      this.held.set(sent.code, [...phones, sent.phone]);
    }
    const number = this.held.get(sent.code)!.indexOf(sent.phone) + 2;
    const card = { ...found, number, title: found.vote, text: '', kind: 'motion', way: 'named', options: [], seats: 1, name: '', receipt: '' };
    return Response.json({ ...card, voted: path.endsWith('ballot'), choices: sent.choices ?? null });
  }

  private refuse(code: string): Response {
    return Response.json({ code, vi: code, en: code, detail: code }, { status: 422, headers: { 'Content-Type': 'application/problem+json' } });
  }
}

let votes: Votes;
let opened: PhoneCard[];

beforeEach(() => {
  localStorage.clear();
  votes = new Votes();
  opened = [];
  votes.codes.set('AAAA', { vote: 'a', site: 'Xã Ba Bể' });
  votes.codes.set('BBBB', { vote: 'b', site: 'Sở Y tế' });
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => votes.answer(path, JSON.parse(String(init.body))));
});

afterEach(() => {
  opened.forEach((one) => one.close());
  vi.unstubAllGlobals();
});

/** Open the page with a code, as a scan does. */
async function scanned(code: string): Promise<PhoneCard> {
  const phone = new PhoneCard(code);
  opened.push(phone);
  await phone.resume();
  return phone;
}

test('a phone with a card of one meeting takes a card of another meeting too', async () => {
  await (await scanned('AAAA')).open();
  const phone = await scanned('BBBB');
  expect([phone.card?.site, phone.opened, votes.held.has('BBBB')]).toEqual(['Xã Ba Bể', 'BBBB', false]);
  expect(await phone.takeOpened()).toBe(true);
  expect([phone.card?.site, phone.opened, phone.other?.code, phone.other?.card.site]).toEqual(['Sở Y tế', '', 'AAAA', 'Xã Ba Bể']);
  expect(await phone.send([0], '')).toBe(true);

  const first = await scanned('AAAA');
  expect([first.card?.site, first.card?.number, first.other?.card.site]).toEqual(['Xã Ba Bể', 2, 'Sở Y tế']);
  votes.codes.delete('AAAA');
  const second = await scanned('BBBB');
  expect([second.card?.site, second.other]).toEqual(['Sở Y tế', null]);
  expect([...votes.held.values()].map((one) => one.length)).toEqual([1, 1]);
  expect(new Set([...votes.held.values()].flat()).size).toBe(2);
});

test('a new code of the same vote gives no second card', async () => {
  await (await scanned('AAAA')).open();
  votes.codes.set('CCCC', { vote: 'a', site: 'Xã Ba Bể' });
  const phone = await scanned('CCCC');
  expect(await phone.takeOpened()).toBe(false);
  expect([phone.card?.site, phone.opened, phone.note !== '', votes.held.has('CCCC')]).toEqual(['Xã Ba Bể', '', true, false]);
});

test('the card of an ended vote is forgotten, and the opened code gives a card', async () => {
  await (await scanned('AAAA')).open();
  votes.codes.delete('AAAA');
  const phone = await scanned('BBBB');
  expect([phone.card, phone.opened]).toEqual([null, '']);
  await phone.open();
  expect([phone.card?.site, phone.other]).toEqual(['Sở Y tế', null]);
});
