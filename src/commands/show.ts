import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { UserError, usageError } from '../errors.ts';
import { typedPath } from '../files/typed-path.ts';
import { writeLine } from '../output/terminal/streams.ts';
import { isDumb } from '../output/terminal/terminal.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';

export function showCommand(act: Act): Command {
  return new Command('show')
    .description('draw photos in the terminal: files, or hits of the last search (@1, @2, ...)')
    .argument('<photo...>', 'photos, or @N for the Nth hit of the last search')
    .addHelpText('after', examples('curate show holiday.jpg', 'curate search cat.jpg && curate show @1 @3'))
    .action(act(show));
}

async function show(context: Context, photos: string[]): Promise<ExitCode> {
  const { world } = context;
  const { data } = context.settings().paths;
  if (world.stdout.isTTY && isDumb(world)) {
    throw new UserError('terminal_dumb', 'This terminal cannot draw: TERM is "dumb".', {
      hint: 'Show photos in another one.',
    });
  }
  const [{ drawPhotos }, { openDisplay }] = await Promise.all([
    import('../output/terminal/picture-grid.ts'),
    import('../photos/display.ts'),
  ]);
  const files: string[] = [];
  for (const photo of photos) files.push(await fileOf(photo, world.cwd, data));
  const shown = files.map((file, i) => ({
    file,
    label: photos[i]?.startsWith('@') ? (photos[i] ?? '') : '',
    available: true,
  }));
  const undrawn = await drawPhotos(world, openDisplay(world), shown);
  for (const { file, reason } of undrawn) writeLine(world.stderr, `curate: ${file} ${reason}.`);
  return undrawn.length === 0 ? ExitCode.done : ExitCode.somePhotosFailed;
}

/** @throws UserError `photo_missing`, `web_address`, and `usage` for a hit that there is not */
async function fileOf(photo: string, cwd: string, data: string): Promise<string> {
  if (/^@\d+$/.test(photo)) {
    const rank = Number(photo.slice(1));
    if (rank === 0) throw usageError('There is no hit @0.', 'The best hit of the last search is @1.');
    const { hitOfLastSearch } = await import('../library/query/last-search.ts');
    return demandThere(await hitOfLastSearch(data, rank));
  }
  const file = typedPath(cwd, photo);
  if (!existsSync(file)) (await import('../library/query/parse.ts')).demandNoAddress(photo);
  return demandThere(file);
}

function demandThere(file: string): string {
  if (existsSync(file)) return file;
  throw new UserError('photo_missing', `The photo ${file} does not exist.`, {
    hint: 'Check the spelling, or connect the drive it is on.',
  });
}
