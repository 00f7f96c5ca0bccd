/** The texts of the report of delegates. They load only with a call, or with the page of a site's link. */
import { filled, language, t as common, type Key } from './index.svelte';
import { reportEn } from './report/en';
import { reportVi, type ReportKey } from './report/vi';

/** Return the text of a key in the chosen language, with its `{values}` filled in. */
export function t(key: Key | ReportKey, values: Record<string, string | number> = {}): string {
  if (!isOfReport(key)) return common(key, values);
  return filled((language() === 'vi' ? reportVi : reportEn)[key], values);
}

function isOfReport(key: string): key is ReportKey {
  return key in reportVi;
}
