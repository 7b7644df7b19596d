import { relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LinkBase } from './contents.ts';

/** Where a page links a photo: below the base when it lies there, else where it lies on this machine. */
export function linkTo(file: string, base: LinkBase | undefined): string {
  if (base === undefined) return pathToFileURL(file).href;
  const below = relative(base.folder, file);
  if (below === '' || below.startsWith('..') || below.includes(':')) return pathToFileURL(file).href;
  const path = below.split(sep).map(encodeURIComponent).join('/');
  return base.url === '' ? path : `${base.url.replace(/\/+$/, '')}/${path}`;
}
