interface Pixels {
  readonly width: number;
  readonly height: number;
}

export type SizeRule =
  | {
      readonly rule: 'flexible';
      readonly multipleOf: number;
      /** Long side to short side. */
      readonly maxRatio: number;
      readonly minPixels: number;
      readonly maxPixels: number;
      readonly maxSide: number;
    }
  | { readonly rule: 'fixed'; readonly sizes: readonly string[] };

/** "1024x1536" as numbers; null for "auto" and whatever else. */
export function parseSize(size: string): Pixels | null {
  const match = /^([1-9]\d{0,5})x([1-9]\d{0,5})$/.exec(size);
  return match === null ? null : { width: Number(match[1]), height: Number(match[2]) };
}

/** "1024x1024, 1536x1024", or "multiples of 16 up to 3840 a side". */
export function sizeText(rule: SizeRule): string {
  if (rule.rule === 'fixed') return rule.sizes.join(', ');
  return `multiples of ${rule.multipleOf} up to ${rule.maxSide} a side`;
}

/** What is wrong with a size under a model's rule, as a sentence that says what would be right; null when nothing is. */
export function sizeFault(size: string, rule: SizeRule): string | null {
  if (size === 'auto') return null;
  const pixels = parseSize(size);
  if (rule.rule === 'fixed') {
    return rule.sizes.includes(size) ? null : `It makes ${rule.sizes.join(', ')} or auto.`;
  }
  if (pixels === null) return 'A size is WIDTHxHEIGHT, such as 1024x1536, or auto.';
  const { width, height } = pixels;
  if (width % rule.multipleOf !== 0 || height % rule.multipleOf !== 0) {
    const [near, far] = [width, height].map((side) => Math.round(side / rule.multipleOf) * rule.multipleOf);
    const nearest = `${near}x${far}`;
    const proposal = sizeFault(nearest, rule) === null ? `: ${nearest} is the nearest` : '';
    return `Both sides must be multiples of ${rule.multipleOf}${proposal}.`;
  }
  const long = Math.max(width, height);
  if (long > rule.maxSide) return `No side may be longer than ${rule.maxSide} pixels.`;
  if (long > rule.maxRatio * Math.min(width, height)) {
    return `The long side may be at most ${rule.maxRatio} times the short one.`;
  }
  const area = width * height;
  if (area >= rule.minPixels && area <= rule.maxPixels) return null;
  const number = (value: number): string => value.toLocaleString('en-US');
  return `It has ${number(area)} pixels; from ${number(rule.minPixels)} to ${number(rule.maxPixels)} are possible.`;
}
