/** How a photo is like its keeper, from the closest on. */
export const KINDS = ['identical', 'same', 'burst', 'similar'] as const;
export type Kind = (typeof KINDS)[number];

/** A photo that is like another one; photos are numbers. */
export interface Relation {
  readonly photo: number;
  readonly kind: Kind;
  /** Cosine similarity. */
  readonly score: number;
}

/** Photos that one stands for: each is like the keeper itself. */
export interface Star {
  readonly kind: Kind;
  readonly keeper: number;
  /** In the order of keeping. */
  readonly others: readonly Relation[];
  /** Those that are like the keeper and stay all the same, in the order of keeping. */
  readonly held: readonly Relation[];
}

interface StarsInput {
  /** Every photo that is like another, the preferred ones first. */
  readonly order: readonly number[];
  /** The same photos in another order, for kinds that have one of their own. */
  readonly orders?: ReadonlyMap<Kind, readonly number[]>;
  /** What a photo is like; symmetric. */
  related(photo: number): readonly Relation[];
  /** Whether a photo may stand for others. */
  mayKeep(photo: number): boolean;
  /** Whether a photo may yield to another. */
  mayGo(photo: number): boolean;
  /** Whether a photo was decided to stay: it is shown beside its keeper. */
  isHeld(photo: number): boolean;
  /** The kinds to look for; the closest are looked for first whatever their order. */
  readonly kinds: readonly Kind[];
}

/**
 * Groups photos into stars. For each kind, the closest first, photos are taken in the order of keeping: each that did
 * not go yet stands for those behind it that are like it in that kind and did not go either. A photo that stands for
 * others already goes only where all of those are like its own keeper, too. A photo that is held never goes; where nothing
 * else is like its keeper, the star is one only if that was not decided to stay itself. So
 * - every member was compared with its keeper itself, and with whatever its keeper yields to: there are no chains;
 * - no photo goes twice, and whoever goes is like some photo that stays;
 * - the answer depends on the orders of keeping alone.
 *
 * @returns The stars in the order of kinds, then of their keepers.
 */
export function stars({ order: usual, orders, related, mayKeep, mayGo, isHeld, kinds }: StarsInput): Star[] {
  const gone = new Set<number>();
  /** By photo, all that it stands for, directly or not. */
  const behind = new Map<number, number[]>();
  const found: Star[] = [];
  for (const kind of KINDS.filter((one) => kinds.includes(one))) {
    const order = orders?.get(kind) ?? usual;
    const place = new Map(order.map((photo, i) => [photo, i]));
    const placeOf = (photo: number): number => place.get(photo) ?? Number.POSITIVE_INFINITY;
    for (const keeper of order) {
      if (gone.has(keeper) || !mayKeep(keeper)) continue;
      const relations = related(keeper);
      const like = new Set(relations.map(({ photo }) => photo));
      const behindIt = relations
        .filter(
          ({ photo, kind: its }) =>
            its === kind && placeOf(photo) > placeOf(keeper) && place.has(photo) && !gone.has(photo) && mayGo(photo),
        )
        .sort((a, b) => placeOf(a.photo) - placeOf(b.photo));
      const held = behindIt.filter(({ photo }) => isHeld(photo));
      const others = behindIt.filter(
        ({ photo }) => !isHeld(photo) && (behind.get(photo) ?? []).every((member) => like.has(member)),
      );
      if (others.length === 0 && (held.length === 0 || isHeld(keeper))) continue;
      for (const { photo } of others) gone.add(photo);
      const theirs = others.flatMap(({ photo }) => [photo, ...(behind.get(photo) ?? [])]);
      behind.set(keeper, [...(behind.get(keeper) ?? []), ...theirs]);
      found.push({ kind, keeper, others, held });
    }
  }
  return found;
}
