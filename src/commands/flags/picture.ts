import { type Command, InvalidArgumentError, Option } from 'commander';
import { typedPath } from '../../files/typed-path.ts';
import type { Wanted } from '../../picture/image-models/parameters.ts';
import {
  type Background,
  COMPLEXITIES,
  type Complexity,
  type PictureFormat,
  QUALITIES,
  type Quality,
} from '../../picture/port.ts';
import type { World } from '../../world.ts';
import { decimal, gather, jsonOption, wholeNumber } from './options.ts';

/** What every verb that sends something takes. */
export interface SendFlags {
  out?: string;
  yes?: boolean;
  maxCost?: number;
  dryRun?: boolean;
  force?: boolean;
  retries: number;
  timeout: number;
  allowPrivate?: string[];
  json?: boolean;
}

/** What says how the picture is made. */
export interface MakeFlags {
  imageModel?: string;
  size?: string;
  quality?: Quality;
  complexity?: Complexity;
  n?: number;
  format?: PictureFormat;
  background?: Background;
  stream?: boolean;
}

export function addMakeOptions(command: Command, { several }: { readonly several: boolean }): Command {
  command
    .option('--image-model <id>', 'image model (CURATE_IMAGE_MODEL; default: gpt-image-2)')
    .option('--size <WxH>', 'pixels, or auto (default: 1024x1024)')
    .addOption(new Option('--quality <level>', 'default: medium').choices([...QUALITIES, 'auto']));
  command.addOption(
    new Option(
      '--complexity <level>',
      'how much the model thinks it through (gpt-image-2.6; its default: high)',
    ).choices(COMPLEXITIES),
  );
  if (several) command.option('--n <count>', 'how many pictures, 1 to 10 (default: 1)', wholeNumber(1, 10));
  return command
    .addOption(new Option('--format <format>', 'default: png, or the ending of --out').choices(['png', 'jpeg', 'webp']))
    .addOption(
      new Option('--background <kind>', 'left to the model by default').choices(['transparent', 'opaque', 'auto']),
    )
    .option('--stream', 'show partial pictures as they come, and keep them beside the output');
}

export function addSendOptions(command: Command): Command {
  return command
    .option(
      '--out <file|folder>',
      'where the picture goes (default: the current folder); with --dry-run, the folder of the dry run',
    )
    .option('--dry-run', 'write what would be sent into a folder, with a page that shows it; send nothing, need no key')
    .option('--yes', 'do not ask before spending')
    .option('--max-cost <usd>', 'spend at most this: references are dropped first, then quality (CURATE_MAX_COST)', usd)
    .option('--allow-private <file>', 'send this private photo all the same (may be repeated)', gather)
    .option('--retries <n>', 'repeat a request so often that was refused for now (429, 503)', wholeNumber(0, 10), 1)
    .option('--timeout <seconds>', 'wait so long for the picture', wholeNumber(1, 7200), 600)
    .option('--force', 'replace files that are in the way')
    .addOption(jsonOption());
}

function usd(text: string): number {
  const value = decimal(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('It must be an amount of US dollars, such as 0.20.');
}

/** The flags as what is asked for of the picture. */
export function wantedOf(flags: MakeFlags, format: PictureFormat): Wanted {
  const { size, quality, complexity, n, background, stream } = flags;
  return { size, quality, complexity, n, background, stream, format };
}

export function absolute({ cwd }: World, files: readonly string[] = []): string[] {
  return files.map((file) => typedPath(cwd, file));
}
