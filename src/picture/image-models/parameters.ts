import { usageError } from '../../errors.ts';
import type { Lineage } from '../lineage/lineage.ts';
import type { Parameters } from '../port.ts';
import type { ChosenModel, ImageModelEntry } from './image-models.ts';
import { sizeFault } from './size.ts';

/** What a person asks for of a picture; what is undefined is left to the picture before, or to the defaults. */
export interface Wanted {
  readonly size?: string | undefined;
  readonly quality?: Parameters['quality'] | undefined;
  readonly complexity?: Parameters['complexity'] | undefined;
  readonly n?: number | undefined;
  readonly format: Parameters['format'];
  readonly background?: Parameters['background'] | undefined;
  /** Whether partial pictures come while it is made. */
  readonly stream?: boolean | undefined;
}

const DEFAULTS = { size: '1024x1024', quality: 'medium', n: 1 } as const;
/** Partial pictures of a stream: enough to see where it goes; each costs extra tokens. */
const PARTIALS = 2;

/**
 * Parameters for the model, what is not asked for taken from `before`.
 * @throws UserError usage when the model is known not to do it
 */
export function parametersOf(
  wanted: Wanted,
  { id, entry }: ChosenModel,
  before: Partial<Pick<Parameters, 'size' | 'quality' | 'complexity' | 'background'>> = {},
): Parameters {
  const kept = inherited(before, entry, wanted.format);
  const parameters: Parameters = {
    size: wanted.size ?? kept.size ?? DEFAULTS.size,
    quality: wanted.quality ?? kept.quality ?? DEFAULTS.quality,
    complexity: wanted.complexity ?? kept.complexity ?? null,
    n: wanted.n ?? DEFAULTS.n,
    format: wanted.format,
    background: wanted.background ?? kept.background ?? null,
    partialImages: wanted.stream ? PARTIALS : null,
  };
  checkParameters(id, entry, parameters);
  return parameters;
}

/**
 * Refuses what a model is known not to do, before any request.
 * @param entry null for a model that the table does not know: then only the format counts
 * @throws UserError usage
 */
export function checkParameters(id: string, entry: ImageModelEntry | null, parameters: Parameters): void {
  const { size, quality, complexity, background, format } = parameters;
  if (entry !== null) {
    const fault = sizeFault(size, entry.size);
    if (fault !== null) throw usageError(`${id} does not make ${size}.`, fault);
    if (quality !== 'auto' && !entry.qualities.includes(quality)) {
      throw usageError(`${id} has no quality ${quality}.`, `It has ${[...entry.qualities, 'auto'].join(', ')}.`);
    }
    if (complexity !== null && !entry.complexity?.includes(complexity)) {
      throw usageError(
        `${id} has no complexity${entry.complexity === null ? '' : ` ${complexity}`}.`,
        entry.complexity === null ? 'Leave it out.' : `It has ${entry.complexity.join(', ')}.`,
      );
    }
    if (background === 'transparent' && entry.transparent === false) {
      throw usageError(`${id} does not make transparent backgrounds.`, 'Make it opaque, or leave the background out.');
    }
  }
  if (background === 'transparent' && format === 'jpeg') {
    throw usageError('JPEG has no transparency.', 'Make a PNG or WebP.');
  }
}

/** What another picture's parameters hand down to a picture by this model and in this format: only what those have. */
export function inherited(
  before: Partial<Parameters>,
  entry: ImageModelEntry | null,
  format: Parameters['format'],
): Partial<Parameters> {
  const { quality, complexity, background, ...rest } = before;
  const keepsBackground = background !== 'transparent' || (entry?.transparent !== false && format !== 'jpeg');
  const keepsQuality = quality === 'auto' || entry === null || entry.qualities.some((one) => one === quality);
  const keepsComplexity = entry === null || entry.complexity?.some((one) => one === complexity);
  return {
    ...rest,
    ...(quality !== undefined && keepsQuality ? { quality } : {}),
    ...(complexity != null && keepsComplexity ? { complexity } : {}),
    ...(background != null && keepsBackground ? { background } : {}),
  };
}

/** Parameters under the API's names, as they are sent. */
export function apiParameters(parameters: Parameters): Lineage['parameters'] {
  const { size, quality, complexity, n, format, background, partialImages } = parameters;
  return {
    size,
    quality,
    n,
    output_format: format,
    ...(complexity === null ? {} : { complexity }),
    ...(background === null ? {} : { background }),
    ...(partialImages === null ? {} : { stream: true as const, partial_images: partialImages }),
  };
}

/** The very parameters that a lineage file keeps. */
export function parametersBefore(lineage: Lineage): Parameters {
  const { size, quality, complexity, n, output_format, background, partial_images } = lineage.parameters;
  return {
    size,
    quality,
    complexity: complexity ?? null,
    n,
    format: output_format,
    background: background ?? null,
    partialImages: partial_images ?? null,
  };
}
