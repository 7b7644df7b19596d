import { sha256 } from '../files/hash.ts';
import type { Faulty } from '../photos/fault.ts';
import type { RenderPhoto } from '../photos/render.ts';
import { imageTokens } from './cost/cost.ts';
import { metadataOf } from './segments.ts';

/** A picture made ready: these very bytes are sent. */
export interface Reference {
  /** Absolute path of the original. */
  readonly file: string;
  /** Of the original's bytes, lower-case hex. */
  readonly sha256: string;
  /** A JPEG without any metadata. */
  readonly bytes: Uint8Array;
  readonly sentSha256: string;
  /** Upright pixels of what is sent. */
  readonly width: number;
  readonly height: number;
  readonly tokens: number;
}

/** The fault's reason is a clause for people: "is cut short". */
export type Prepared = { readonly kind: 'ready'; readonly reference: Reference } | Faulty;

const LONGEST_SIDE = 1536;
const JPEG_QUALITY = 90;

/**
 * Makes what is sent of a photo: upright, longest side at most 1,536 pixels, sRGB, transparency white, JPEG of quality
 * 90, no metadata. The whole photo is decoded first, so that damage is found that a reduced decode would step over.
 * The same bytes in give the same bytes out, for one version of sharp.
 */
export async function prepareReference(render: RenderPhoto, file: string): Promise<Prepared> {
  const rendered = await render({
    file,
    box: { width: LONGEST_SIDE, height: LONGEST_SIDE },
    as: { format: 'jpeg', quality: JPEG_QUALITY },
    background: '#ffffff',
    whole: true,
  });
  if (rendered.kind === 'fault') return rendered;
  const { data, width, height } = rendered;
  const metadata = metadataOf(data);
  if (metadata.length > 0) throw new Error(`a reference still carries metadata: ${metadata.join(', ')}`);
  return {
    kind: 'ready',
    reference: {
      file,
      sha256: rendered.sha256,
      bytes: data,
      sentSha256: sha256(data),
      width,
      height,
      tokens: imageTokens(width, height),
    },
  };
}
