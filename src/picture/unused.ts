/** Photos that were left out for one reason, in the order given. */
export interface LeftOut<T> {
  /** A clause, without what differs from photo to photo. */
  readonly reason: string;
  readonly photos: readonly T[];
}

/** Brings together what was left out for one reason; reasons in the order in which they first appear. Pure. */
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
