import { stat } from 'node:fs/promises';
import { Command } from 'commander';
import { UserError } from '../errors.ts';
import { typedPath } from '../files/typed-path.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { count } from '../output/text.ts';
import { dollars } from '../picture/cost/dollars.ts';
import type { Failed, Unreadable } from '../picture/lineage/files.ts';
import { type LedgerTotal, sumCosts, totalOf } from '../picture/lineage/ledger.ts';
import type { Lineage } from '../picture/lineage/lineage.ts';
import { type Act, type Context, examples } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { jsonOption } from './flags/options.ts';

export function costsCommand(act: Act): Command {
  return new Command('costs')
    .description('sum what the pictures of a folder cost, by day and model')
    .argument('[folder]', 'where pictures and their lineage files are, folders below it included (default: here)')
    .addOption(jsonOption())
    .addHelpText('after', examples('curate costs', 'curate costs ~/Comics --json'))
    .action(act(costs));
}

async function costs({ world }: Context, folder: string | undefined, flags: { json?: boolean }): Promise<ExitCode> {
  const place = typedPath(world.cwd, folder ?? '.');
  const found = await stat(place).catch(() => null);
  if (!found?.isDirectory()) {
    throw new UserError('folder_missing', `There is no folder ${place}.`, {
      hint: 'Name the folder of your pictures.',
    });
  }
  const { lineagesIn, withoutPicture } = await import('../picture/lineage/files.ts');
  const unreadable: Unreadable[] = [];
  const lineages: Lineage[] = [];
  const unfinished: Failed[] = [];
  const search = {
    deep: true,
    onUnreadable: (one: Unreadable) => unreadable.push(one),
    onFailed: (one: Failed) => unfinished.push(one),
  };
  for await (const { lineage } of lineagesIn(place, search)) lineages.push(lineage);
  const failed = withoutPicture(unfinished, lineages);
  const days = sumCosts(lineages);
  const total = totalOf(days);
  for (const { path, reason } of unreadable) writeLine(world.stderr, `Left out ${path}: ${reason}.`);
  if (flags.json) {
    writeJson(world, {
      schema: 'curate.costs/1',
      folder: place,
      days,
      total,
      failed: failed.map(aboutFailed),
      unreadable,
    });
    return unreadable.length === 0 ? ExitCode.done : ExitCode.somePhotosFailed;
  }
  if (failed.length > 0) {
    writeLine(world.stderr, `${count(failed.length, 'request')} without a picture, which may have been billed:`);
    for (const one of failed) writeLine(world.stderr, failedLine(one));
  }
  if (days.length === 0) {
    writeLine(world.stderr, `No lineage file lies in ${place}.`);
  } else {
    const { table } = await import('../output/terminal/table.ts');
    const rows = days.map((row) => cells(row.day, row.model, row));
    const heading = ['Day (UTC)', 'Model', 'Pictures', 'Requests', 'Cost', ''];
    world.stdout.write(
      table([heading, ...rows, cells('Total', '', total)], ['left', 'left', 'right', 'right', 'right', 'left']),
    );
  }
  return unreadable.length === 0 ? ExitCode.done : ExitCode.somePhotosFailed;
}

function aboutFailed({ file, record }: Failed): Record<string, unknown> {
  const { request, model, error, requestIds, cost } = record;
  const { estimatedUsd } = cost;
  return { file, started: request.started, model, error, requestIds, estimatedUsd, billing: record.billing };
}

/** "  2026-11-23 10:00 UTC, gpt-image-2, about $0.053: No picture came within 600 s. (req_1; comic.failed.json)" */
function failedLine({ file, record }: Failed): string {
  const { request, model, cost, error, requestIds } = record;
  const when = `${request.started.slice(0, 16).replace('T', ' ')} UTC`;
  const price = cost.estimatedUsd === null ? dollars(null) : `about ${dollars(cost.estimatedUsd)}`;
  return `  ${when}, ${model}, ${price}: ${error.message} (${[...requestIds, file].join('; ')})`;
}

function cells(day: string, model: string, row: LedgerTotal): string[] {
  const { pictures, requests, usd, unknown, doubtful } = row;
  const notes = [
    ...(unknown === 0 ? [] : [`and ${count(unknown, 'request')} of unknown cost`]),
    ...(doubtful === 0 ? [] : [`${count(doubtful, 'request')} perhaps counted too high`]),
  ];
  return [day, model, String(pictures), String(requests), `$${usd.toFixed(3)}`, notes.join('; ')];
}
