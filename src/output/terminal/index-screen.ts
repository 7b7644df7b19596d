import type { IndexEvent } from '../../library/index/events.ts';
import type { FasterModel } from '../../library/index/faster-model.ts';
import type { World } from '../../world.ts';
import { count, duration } from '../text.ts';
import { askYesNo, canAsk } from './ask.ts';
import { createProgress, type Progress } from './progress.ts';

/** Unreadable photos are named one by one up to this many; all of them stand in the JSON. */
const MAX_NAMED = 20;

/** Shows an index run on stderr: a bar on a terminal, plain lines elsewhere. */
export class IndexScreen {
  readonly #world: World;
  readonly #progress: Progress;
  #upgrade: Progress | null = null;
  #classifying: Progress | null = null;
  #failures = 0;

  constructor(world: World) {
    this.#world = world;
    this.#progress = createProgress(world, 'Indexing');
  }

  note(line: string): void {
    this.#progress.note(line);
  }

  show(event: IndexEvent): void {
    if (event.kind !== 'upgrading') this.#upgrade?.finish();
    switch (event.kind) {
      case 'upgrading':
        this.#upgrade ??= createProgress(this.#world, 'Upgrading the index');
        this.#upgrade.update(event.done, event.total);
        break;
      case 'classifying':
        this.#progress.finish();
        this.#classifying ??= createProgress(this.#world, 'Looking at what the photos show');
        this.#classifying.update(event.done, event.total);
        break;
      case 'progress':
        this.#progress.update(event.done, event.total, { failed: event.failed });
        break;
      case 'photo-failed':
        this.#failed(event.file, event.reason);
        break;
      default:
        this.note(sentenceFor(event));
    }
  }

  /** Asks on a terminal whether photos that are gone should leave the index; elsewhere the answer is no. */
  async confirmPrune(photos: number, reason: string): Promise<boolean> {
    if (!canAsk(this.#world)) return false;
    this.#progress.finish();
    const message = `Remove ${count(photos, 'photo')} from the index (${reason})? The files are not touched.`;
    return askYesNo(this.#world, { message, onCancel: 'Interrupted.' });
  }

  end(): void {
    this.#upgrade?.finish();
    this.#classifying?.finish();
    this.#progress.finish();
  }

  #failed(file: string, reason: string): void {
    this.#failures += 1;
    if (this.#failures <= MAX_NAMED) this.note(`Left out ${file}: ${reason}.`);
    if (this.#failures === MAX_NAMED + 1) this.note('More photos could not be read; --json lists them all.');
  }
}

function sentenceFor(
  event: Exclude<IndexEvent, { kind: 'upgrading' | 'classifying' | 'progress' | 'photo-failed' }>,
): string {
  const { name } = 'library' in event ? event.library : { name: '' };
  switch (event.kind) {
    case 'waiting': {
      const process = event.holder === null ? '' : ` (process ${event.holder})`;
      return `Another curate index${process} is at work; waiting for it to end.`;
    }
    case 'leased':
      return `${name}: ${event.lease.holder} has been indexing it since ${clock(event.lease.since)}; waiting for it to end.`;
    case 'new-model':
      return `New model ${event.model}: photos are embedded again for it, about ${duration(event.seconds)} for all of ${count(event.photos, 'photo')}. The index of the other model stays.`;
    case 'faster-model':
      return fasterModelSentence(event);
    case 'fallback':
      return `The model runs on the processor: ${event.reason}.`;
    case 'compared':
      return `${name}: ${count(event.found, 'photo')} found, ${event.todo.toLocaleString('en-US')} to read`;
    case 'kept':
      return (
        `${name}: ${count(event.photos, 'photo')} kept in the index although gone from the folder: ${event.reason}. ` +
        'If they were really removed, run again with --prune.'
      );
    case 'never-here':
      return (
        `${name}: ${count(event.photos, 'photo')} of other machines, never in this folder, kept in the index. ` +
        'If no machine has them any more, run again with --prune.'
      );
    case 'replaced':
      return (
        `${name}: left as it is, as another drive seems to be in the place of its own: of the photos in ` +
        `${event.library.root}, ${event.reason}. To index these: curate index "${event.library.root}" --library OTHER-NAME`
      );
    case 'displaced':
      return (
        `${name}: none of its photos is in ${event.by.root}, which belongs to ${event.by.name} from now on; they stay in the ` +
        `index. When they are back: curate index FOLDER --library "${name}"`
      );
    case 'apart':
      return (
        `There is a library ${event.other.name} of another machine, so this folder is ${name}. ` +
        `If both are the same folder: curate index "${event.library.root}" --library "${event.other.name}"`
      );
    case 'away':
      return `${name}: ${event.library.root} is not there now; its photos stay in the index.`;
    case 'absorbed':
      return `${name} is a part of ${event.into.name} now.`;
    case 'interrupted':
      return `Interrupted with ${count(event.left, 'photo')} left; the next run goes on from here.`;
  }
}

function fasterModelSentence({ model, photos, seconds, measured, reason }: FasterModel): string {
  const long = `${count(photos, 'photo')} take about ${duration(seconds)}. ${model} finds as well and would be `;
  if (measured === null) return `${long}faster; by how much could not be measured: ${reason}`;
  const { timesAsFast, savesSeconds } = measured;
  return (
    `${long}about ${timesAsFast.toFixed(1)} times as fast on this machine (measured on these photos), which saves ` +
    `${duration(savesSeconds)}. To take it, stop with Ctrl-C and index with --model ${model}; this run goes on as it is.`
  );
}

/** Of this machine's day: "14:02", with the date when it was another day's. */
function clock(ms: number): string {
  const [then, today] = [new Date(ms), new Date()];
  const time = then.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  return then.toDateString() === today.toDateString() ? time : `${then.toLocaleDateString('en-CA')} ${time}`;
}
