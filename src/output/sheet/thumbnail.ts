import type { RenderPhoto, Rendition } from '../../photos/render.ts';

/** A small upright sRGB picture without metadata, or why there is none, as the beginning of a sentence. */
export type Thumbnail =
  | (Pick<Rendition, 'data' | 'width' | 'height'> & { readonly kind: 'picture' })
  | { readonly kind: 'none'; readonly reason: string };

/** How the pixels are handed over: a WebP file, or rows of RGB bytes with transparency laid onto a colour. */
export type Encoding =
  | { readonly as: 'webp'; readonly quality: number }
  | { readonly as: 'rgb'; readonly background: string };

interface Box {
  readonly width: number;
  readonly height: number;
}

/** Fits the photo into a box of whole pixels; small photos are not enlarged. */
export async function thumbnail(render: RenderPhoto, file: string, box: Box, encoding: Encoding): Promise<Thumbnail> {
  const { width, height } = box;
  const rendered = await render({
    file,
    box: { width, height },
    as: encoding.as === 'webp' ? { format: 'webp', quality: encoding.quality } : { format: 'rgb' },
    background: encoding.as === 'rgb' ? encoding.background : null,
    whole: false,
  });
  if (rendered.kind === 'fault') {
    const { reason } = rendered.fault;
    return { kind: 'none', reason: reason.charAt(0).toUpperCase() + reason.slice(1) };
  }
  return { kind: 'picture', data: rendered.data, width: rendered.width, height: rendered.height };
}
