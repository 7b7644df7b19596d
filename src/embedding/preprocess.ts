import type { RgbImage, Size } from '../photos/pixels.ts';
import type { InputSpec } from './port.ts';
import { resizeBicubic, type Window } from './resize.ts';

/**
 * The model's input for a photo: [3, size, size], planes of red, green and blue, as float32.
 * What torchvision's Resize, CenterCrop, ToTensor and Normalize give, with Pillow's bicubic.
 *
 * `image` is upright and may be decoded at a reduced size; `photo` is the upright size of the whole photo, from
 * which the frame is reckoned, so that a reduced decode is cropped at the same place.
 */
export function preprocess(image: RgbImage, photo: Size, spec: InputSpec): Float32Array {
  const { size, window } = frame(photo, spec);
  return normalize(resizeBicubic(image, size, window), spec);
}

/** Size after resizing the short side, and the centre crop in it. */
export function frame(photo: Size, { size: side, resizeShortSide: short }: InputSpec): { size: Size; window: Window } {
  const { width, height } = photo;
  const size =
    width <= height
      ? { width: short, height: Math.trunc((short * height) / width) }
      : { width: Math.trunc((short * width) / height), height: short };
  const left = roundHalfToEven((size.width - side) / 2);
  const top = roundHalfToEven((size.height - side) / 2);
  return { size, window: { left, top, width: side, height: side } };
}

/** Python's `round`, which places torchvision's crop: a side of 313 pixels is cropped to 224 from 44 on, not 45. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

/** (level / scale - mean) / std in float32, from interleaved pixels to planes. */
function normalize(rgb: Uint8Array, { scale, mean, std }: InputSpec): Float32Array {
  const plane = rgb.length / 3;
  const input = new Float32Array(rgb.length);
  for (const channel of [0, 1, 2] as const) {
    const levels = new Float32Array(256);
    for (let level = 0; level < 256; level++) {
      const centred = Math.fround(Math.fround(level / scale) - Math.fround(mean[channel]));
      levels[level] = centred / Math.fround(std[channel]);
    }
    for (let p = 0, i = channel; p < plane; p++, i += 3) {
      // Inside both arrays by construction.
      input[channel * plane + p] = levels[rgb[i] as number] as number;
    }
  }
  return input;
}
