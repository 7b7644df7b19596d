import { isAbsolute, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SearchResultRow } from '../result-row.ts';

export interface SheetContents {
  /** Absolute paths of the query photos. */
  readonly queries: readonly string[];
  /** Words that were searched for, as they were asked. */
  readonly words?: readonly string[];
  readonly results: readonly SearchResultRow[];
  /** What is said where there are no results, without a full stop. */
  readonly nothing?: string;
  /** Whether photos that do not say when they were taken show their file's day, marked as that: those were filtered by it. */
  readonly fileTimes?: boolean;
  /** Photos side by side; as many as look well when absent. */
  readonly columns?: number;
  /** What the links of a page begin with, where the photos are reached from elsewhere than this machine. */
  readonly links?: LinkBase;
}

export interface LinkBase {
  /** Begins the links in place of `folder`; "" for links relative to a page that lies beside the photos. */
  readonly url: string;
  /** Absolute: what lies below it is linked by `url`. */
  readonly folder: string;
}

/** Where a page links a photo: below the base when it lies there, else where it lies on this machine. */
export function linkTo(file: string, base: LinkBase | undefined): string {
  if (base === undefined) return pathToFileURL(file).href;
  const below = relative(base.folder, file);
  // Another drive of Windows has no relative path.
  if (below === '..' || below.startsWith(`..${sep}`) || isAbsolute(below)) return pathToFileURL(file).href;
  const path = below.split(sep).map(encodeURIComponent).join('/');
  return base.url === '' ? path : `${base.url.replace(/\/+$/, '')}/${path}`;
}
