import type { SearchNotice } from '../library/query/terms.ts';
import type { ChosenModel } from './image-models/image-models.ts';
import type { LineageReference } from './lineage/lineage.ts';
import type { Parameters } from './port.ts';
import type { Reference } from './references.ts';

export type Verb = 'comic' | 'refine' | 'replay';

/** How a person gave a path, or how a lineage file had it. */
export type Given = 'absolute' | 'relative';

/** A picture that will be sent, and why. */
export interface PlannedReference {
  readonly reference: Reference;
  readonly role: LineageReference['role'];
  readonly score: number | null;
  readonly reason: string;
  readonly given: Given;
  /** Its embedding, unit length, where that is known already. */
  readonly vector?: Float32Array;
}

/** A photo that was considered and is not sent, and why: a clause for people. */
export interface Unused {
  /** Absolute. */
  readonly file: string;
  /** Cosine similarity to the query, or the share of the words; null when it was not searched for. */
  readonly score: number | null;
  readonly reason: string;
}

/** Something to say before a request is made. */
export type Notice =
  /** The model ends soon, or its price is not known: a sentence. */
  | { readonly kind: 'model'; readonly text: string }
  /** The search found no photo within the filter: only named photos are used. */
  | { readonly kind: 'nothing-found' }
  /** A photo of the request that is made again was found elsewhere. */
  | { readonly kind: 'moved'; readonly from: string; readonly to: string }
  /** Of the words that were searched for. */
  | { readonly kind: 'search'; readonly notice: SearchNotice }
  /** Only so many photos are like the query, or show the word, and some of the places for them stay empty. */
  | {
      readonly kind: 'few-alike';
      readonly alike: number;
      readonly places: number;
      readonly empty: number;
      readonly word?: string;
    };

/** What will be asked for, before its price is known and the budget kept. */
export interface Plan {
  readonly verb: Verb;
  /** As the person wrote it. */
  readonly prompt: string;
  readonly model: ChosenModel;
  /** A conversation, or null for a single edit. */
  readonly conversation: { readonly model: string; readonly previousResponseId: string | null } | null;
  readonly parameters: Parameters;
  /** In the order they are sent: the most important first. */
  readonly references: readonly PlannedReference[];
  readonly unused: readonly Unused[];
  /** Tokens of pictures that are not sent but stand in the conversation: they are paid again. */
  readonly rememberedTokens: number;
  /** The picture that is refined. */
  readonly parent: { readonly file: string; readonly given: Given; readonly sha256: string } | null;
  /** Nothing may be dropped or lowered for the budget: it is this request or none. */
  readonly rigid: boolean;
  readonly notices: readonly Notice[];
  /** Absolute; private photos that the person named as exceptions. */
  readonly allowedPrivate: readonly string[];
  /** The text for the references that are left once the budget is kept. */
  textFor(references: readonly PlannedReference[]): string;
}

/** Why a photo is sent that the person chose: with `--ref`, or among those that were proposed. */
export const BY_HAND = { named: 'named by hand', picked: 'picked' } as const;

/** "reference-01.jpg": tells nothing of the original's name. */
export function sentName(index: number): string {
  return `reference-${String(index + 1).padStart(2, '0')}.jpg`;
}

/** Photos that were left out for one reason, in the order given. */
export interface LeftOut<T> {
  /** A clause, without what differs from photo to photo. */
  readonly reason: string;
  readonly photos: readonly T[];
}

/** Groups photos by the reason for which they were left out; reasons in the order in which they first appear. Pure. */
export function groupByReason<T extends { readonly reason: string }>(unused: readonly T[]): LeftOut<T>[] {
  const groups = new Map<string, T[]>();
  for (const photo of unused) {
    // What stands in brackets is the photo's own: "not like the query (0.31)".
    const reason = photo.reason.replace(/ \([^()]*\)$/, '');
    const group = groups.get(reason);
    if (group === undefined) groups.set(reason, [photo]);
    else group.push(photo);
  }
  return [...groups].map(([reason, photos]) => ({ reason, photos }));
}
