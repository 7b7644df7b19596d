import { usageError } from '../errors.ts';
import { unlessInterrupted } from '../interrupt.ts';
import { explainEmptiness } from '../library/emptiness.ts';
import { CLEARLY_SEEN } from '../library/words/seen.ts';
import { type Cast, type CastRequest, castReferences } from './cast-references.ts';
import { chooseModel, readImageModels } from './image-models/image-models.ts';
import { parametersOf, type Wanted } from './image-models/parameters.ts';
import { type Offer, type OfferDeps, offerPlan } from './offer.ts';
import type { Notice, PlannedReference, Unused } from './plan.ts';
import { MOST_PICTURES } from './port.ts';
import { guardNow } from './private-guard.ts';
import { checkWord } from './word-query.ts';
import { composeText } from './wording.ts';

/** A picture from a query photo or word, photos named by hand and photos like the query. */
export interface ComicRequest extends Omit<CastRequest, 'slots'> {
  /** Photos to send, the named ones included; undefined leaves it at six, or as many as are named. */
  readonly slots: number | undefined;
  readonly prompt: string;
  /** Sends the prompt alone, without the paragraph that says what the photos are. */
  readonly raw: boolean;
  readonly wanted: Wanted;
  /** Absolute; private photos that may be sent all the same. */
  readonly allowedPrivate: readonly string[];
}

const USUAL_SLOTS = 6;

/**
 * Finds, casts and prepares the photos, and keeps the budget.
 * @throws UserError usage, `private`, `over_budget`, and what stands in the way of searching
 */
export async function offerComic(given: ComicRequest, deps: OfferDeps): Promise<Offer> {
  const { world, settings, signal } = deps;
  // A word has no picture of its own to send.
  const asked = { ...given, sendQuery: given.sendQuery && 'file' in given.query };
  const request = { ...asked, byHand: distinct(asked) };
  const { query } = request;
  const slots = slotsOf(request);
  const { prompt, raw, allowedPrivate } = request;
  const model = chooseModel(await readImageModels(), settings.imageModel, world.now());
  const parameters = parametersOf(request.wanted, model);
  const work = async (): Promise<Cast> =>
    castReferences({ ...deps, guard: await guardNow(deps, allowedPrivate) }, { ...request, slots });
  const said = 'word' in query ? await checkWord(await deps.session.model(), query) : [];
  const { references, unused, alike, searched } = await unlessInterrupted(signal, work());
  const nothingFound = searched && unused.length === 0 && references.every(({ score }) => score === null);
  if (nothingFound) await explainEmptiness(deps.session);
  if (references.length === 0) throw nothingLeft(request, unused, nothingFound, searched && alike === 0);
  return offerPlan(
    {
      verb: 'comic',
      prompt,
      model,
      conversation: null,
      parameters,
      references,
      unused,
      rememberedTokens: 0,
      parent: null,
      rigid: false,
      notices: [
        ...said.map((notice) => ({ kind: 'search', notice }) as const),
        ...(nothingFound ? [{ kind: 'nothing-found' } as const] : fewAlike(slots, request, references, alike)),
      ],
      allowedPrivate,
      textFor: (kept) => composeText(prompt, kept, raw),
    },
    deps,
  );
}

function fewAlike(
  slots: number,
  { query, sendQuery, byHand }: ComicRequest,
  references: readonly PlannedReference[],
  alike: number,
): Notice[] {
  const places = slots - byHand.length - (sendQuery ? 1 : 0);
  const empty = places - references.filter(({ score }) => score !== null).length;
  return empty <= 0
    ? []
    : [{ kind: 'few-alike', alike, places, empty, ...('word' in query ? { word: query.word } : {}) }];
}

/** The photos named by hand, each once, and without the query when that is sent already. */
function distinct({ query, sendQuery, byHand }: ComicRequest): ComicRequest['byHand'] {
  const seen = new Set(sendQuery && 'file' in query ? [query.file] : []);
  return byHand.filter(({ file }) => !seen.has(file) && seen.add(file));
}

function slotsOf({ slots, sendQuery, byHand }: ComicRequest): number {
  const named = byHand.length + (sendQuery ? 1 : 0);
  if (named > MOST_PICTURES) {
    throw usageError(`${named} photos are named; at most ${MOST_PICTURES} can be sent.`, 'Name fewer.');
  }
  if (slots !== undefined && named > slots) {
    throw usageError(`${named} photos are named for ${slots} places.`, `Raise --refs to ${named}, or name fewer.`);
  }
  return slots ?? Math.max(USUAL_SLOTS, named);
}

function nothingLeft(
  { query, restriction }: ComicRequest,
  unused: readonly Unused[],
  nothingFound: boolean,
  nothingAlike: boolean,
): Error {
  const isFiltered = Object.keys(restriction).length > 0;
  if (nothingFound && isFiltered) {
    const photo = 'word' in query ? 'indexed photo' : 'other indexed photo';
    return usageError(`No ${photo} passes the filters: no photo is left to send.`, 'Leave a filter out, or widen it.');
  }
  const photo = isFiltered ? 'indexed photo that passes the filters' : 'indexed photo';
  if ('word' in query) {
    const isSecret = unused.some(({ score, reason }) => reason.startsWith('private') && (score ?? 0) >= CLEARLY_SEEN);
    const shows = `No ${photo} clearly shows "${query.word}"${isSecret ? ' and may be sent (some are private)' : ''}`;
    const hint = 'Say another word, name a photo instead, or take less clear ones: --min-score 0.1';
    return usageError(`${shows}: no photo is left to send.`, hint);
  }
  if (nothingAlike && !nothingFound) {
    const why = `No ${photo} is like the query: no photo is left to send.`;
    return usageError(why, 'Drop --no-query, name photos with --ref, or take less alike ones: --min-score 0.4');
  }
  const why = nothingFound ? 'No other photo is indexed: no' : 'No';
  return usageError(`${why} photo is left to send.`, 'Drop --no-query, or name photos with --ref.');
}
