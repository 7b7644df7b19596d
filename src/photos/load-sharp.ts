import type sharp from 'sharp';

/**
 * sharp, loaded where a photo needs it, and set up for one photo after the other: no more than a thread for each, and
 * nothing kept of those before.
 */
export async function loadSharp(): Promise<typeof sharp> {
  const { default: loaded } = await import('sharp');
  loaded.concurrency(1);
  loaded.cache(false);
  return loaded;
}
