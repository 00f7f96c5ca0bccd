/** The number of approvals that wait for the user. It is shown beside "Duyệt". */
import { get, type Page } from './client';
import type { Approval } from '../../server/model';

const state = $state({ count: 0 });

export function waiting(): number {
  return state.count;
}

export function setWaiting(count: number): void {
  state.count = count;
}

export async function countWaiting(): Promise<Approval[]> {
  const page = await get<Page<Approval>>('/approvals', { limit: 100 });
  state.count = page.items.length;
  return page.items;
}
