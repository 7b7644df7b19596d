import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { dryRunDocument, pictureDocument } from '../output/documents/picture.ts';
import { writeDryRun } from '../output/pages/dry-run.ts';
import { askYesNo, canAsk } from '../output/terminal/ask.ts';
import { announce, reportMade } from '../output/terminal/picture-report.ts';
import { PictureScreen } from '../output/terminal/picture-screen.ts';
import { noticeText as searchNoticeText } from '../output/terminal/search-notices.ts';
import { writeJson, writeLine } from '../output/terminal/streams.ts';
import { count } from '../output/text.ts';
import { openDisplay } from '../photos/display.ts';
import { dollars } from '../picture/cost/dollars.ts';
import { unansweredOf } from '../picture/lineage/files.ts';
import { type Forgotten, type Made, make } from '../picture/make.ts';
import type { Offer, OfferDeps } from '../picture/offer.ts';
import { endpointOf } from '../picture/openai/endpoint.ts';
import { Outlet } from '../picture/outlet.ts';
import { placeOf } from '../picture/place.ts';
import type { Notice } from '../picture/plan.ts';
import type { PictureFormat } from '../picture/port.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';
import type { Context } from './command.ts';
import { ExitCode } from './exit-code.ts';
import type { MakeFlags, SendFlags } from './flags/picture.ts';
import { openSession } from './session.ts';

interface PictureRun {
  readonly settings: Settings;
  readonly flags: SendFlags & Pick<MakeFlags, 'format' | 'n'> & { model?: string };
  readonly prompt: string;
  /** What lets only some photos through, as it was asked for. */
  readonly filters?: string | null;
  /** Of the picture before. */
  readonly format?: PictureFormat;
  /** @param forgotten the server does not know the conversation of the offer before */
  offer(format: PictureFormat, deps: OfferDeps, forgotten: boolean): Promise<Offer>;
}

/** What comic, refine and replay share: get an offer, announce it, ask, make it and show it; or rehearse it. */
export async function makePicture(context: Context, run: PictureRun): Promise<ExitCode> {
  const { world } = context;
  const { settings, flags } = run;
  if (!flags.dryRun) endpointOf(settings);
  const destination = await destinationOf(world, run);
  const session = await openSession(world, settings);
  const deps = { world, settings, session, render: openDisplay(world), signal: world.interrupted };
  try {
    for (let forgotten = false; ; forgotten = true) {
      const offer = await run.offer(destination.format, deps, forgotten);
      for (const notice of offer.notices) writeLine(world.stderr, noticeText(notice, run.filters ?? null));
      announce(world, offer, { dryRun: destination.kind === 'dry-run' });
      if (destination.kind === 'dry-run') return await rehearse(world, offer, destination, flags);
      if (!forgotten) await tellOfUnanswered(world, destination.outlet, run.prompt);
      await confirmSpending(world, offer, run);
      const made = await makeShown(deps, offer, destination.outlet, flags);
      if (made.kind === 'made') return show(world, made, flags);
      // What is sent now is something else: it is announced, priced and agreed to again.
      writeLine(world.stderr, `${made.reason} A new one starts from the picture and its photos.`);
    }
  } finally {
    await session.close();
  }
}

/** @param filters what let only some photos through, as it was asked for */
function noticeText(notice: Notice, filters: string | null): string {
  switch (notice.kind) {
    case 'model':
      return notice.text;
    case 'moved':
      return `${notice.from} is not as it was: the same photo is taken from ${notice.to}.`;
    case 'search':
      return searchNoticeText(notice.notice);
    case 'few-alike': {
      const { alike, places, empty, word } = notice;
      const [none, one, several] =
        word === undefined
          ? ['is like the query', 'is like it', 'are like it']
          : [`clearly shows "${word}"`, `seems to show "${word}"`, `seem to show "${word}"`];
      const photo = filters === null ? 'photo' : `photo that passes ${filters}`;
      if (alike === 0) return `No ${photo} ${none}: only what was named is sent.`;
      const are = `${count(alike, 'photo')} ${alike === 1 ? one : several}`;
      return `${are}; ${empty} of ${count(places, 'place')} ${empty === 1 ? 'stays' : 'stay'} empty.`;
    }
    case 'nothing-found':
      return `No other ${filters === null ? 'photo is indexed' : `indexed photo passes ${filters}`}; only the named photos are used.`;
  }
}

/** Where the result goes: pictures into an outlet, or a dry run into a folder. */
type Destination =
  | { readonly kind: 'outlet'; readonly outlet: Outlet; readonly format: PictureFormat }
  | ({ readonly kind: 'dry-run'; readonly format: PictureFormat } & Rehearsal);

/** The folder that was named, or null; with a `stem`, which named a picture in it, a new folder beside that. */
interface Rehearsal {
  readonly folder: string | null;
  readonly stem: string | null;
}

/** @throws UserError before anything is paid, when it cannot be written there */
async function destinationOf(world: World, { settings, flags, prompt, format }: PictureRun): Promise<Destination> {
  const { out, dryRun, force = false, n = 1 } = flags;
  const usual = format ?? 'png';
  if (dryRun) {
    const place = await placeOf(world.cwd, out ?? null);
    return {
      kind: 'dry-run',
      folder: out === undefined ? null : place.folder,
      stem: place.kind === 'file' ? place.stem : null,
      format: flags.format ?? (place.kind === 'file' ? place.format : usual),
    };
  }
  // The ending of a named file counts for more than the format of the picture before.
  const request = { cwd: world.cwd, out: out ?? null, prompt, n, force, spares: [world.tmp, settings.paths.data] };
  const outlet = await Outlet.open({ ...request, format: flags.format ?? null, usual });
  return { kind: 'outlet', outlet, format: outlet.format };
}

/** Whoever repeats a command that was killed may pay for the same picture once more. */
async function tellOfUnanswered(world: World, outlet: Outlet, prompt: string): Promise<void> {
  for (const { file } of await unansweredOf(outlet.folder, prompt)) {
    writeLine(world.stderr, `Sent before, and perhaps billed, or still under way: nobody saw its answer. ${file}`);
  }
}

/**
 * Lets an offer pass that the person agreed to: by --yes, by answering, or, where nobody can be asked, by a budget.
 * @throws UserError `not_confirmed` (refused)
 */
async function confirmSpending(world: World, { estimate }: Offer, { flags, settings }: PictureRun): Promise<void> {
  if (flags.yes) return;
  const price = estimate.usd === null ? 'an unknown amount' : `about ${dollars(estimate.usd)}`;
  if (canAsk(world)) {
    const question = { message: `Send this and spend ${price}?`, onCancel: 'Interrupted; nothing was sent.' };
    if (await askYesNo(world, question)) return;
    throw new UserError('not_confirmed', 'Nothing was sent.', { kind: 'refused' });
  }
  if (settings.maxCost !== undefined) return;
  const message = `Nothing was sent: it costs ${price}, and there is no terminal to ask on.`;
  throw new UserError('not_confirmed', message, {
    hint: 'Add --yes, or --max-cost USD; --dry-run shows what would be sent.',
    kind: 'refused',
  });
}

async function makeShown(
  { world, settings, session, signal }: OfferDeps & { readonly world: World },
  offer: Offer,
  outlet: Outlet,
  { retries, timeout }: SendFlags,
): Promise<Made | Forgotten> {
  const screen = new PictureScreen(world);
  const onEvent = screen.show.bind(screen);
  try {
    return await make(
      offer,
      { world, settings, session, outlet },
      { retries, timeoutMs: timeout * 1000, signal, onEvent },
    );
  } finally {
    await screen.settled();
  }
}

/** The paths of the pictures on standard output; size, cost and lineage beside them on standard error. */
function show(world: World, made: Made, { json }: SendFlags): ExitCode {
  if (json) writeJson(world, pictureDocument(made));
  else reportMade(world, made);
  return made.shortfall === null ? ExitCode.done : ExitCode.somePhotosFailed;
}

/** The page of a dry run on standard output. */
async function rehearse(
  world: World,
  offer: Offer,
  { folder: out, stem }: Rehearsal,
  flags: SendFlags,
): Promise<ExitCode> {
  const force = flags.force ?? false;
  const folder = await writeDryRun(offer, { cwd: world.cwd, out, stem, force, now: world.now() });
  if (flags.json) {
    writeJson(world, dryRunDocument(offer, folder));
  } else {
    writeLine(world.stderr, 'Nothing was sent. The page that shows it all:');
    writeLine(world.stdout, join(folder, 'index.html'));
  }
  return ExitCode.done;
}
