import type { Lineage } from './lineage.ts';

export interface LedgerRow {
  /** UTC, "2026-11-23". */
  readonly day: string;
  readonly model: string;
  readonly pictures: number;
  readonly requests: number;
  /** Sum of what is known. */
  readonly usd: number;
  /** Requests whose cost is not known. */
  readonly unknown: number;
  /** Requests in whose cost the same usage may be counted several times. */
  readonly doubtful: number;
}

/**
 * Sums lineages by day and model, days in order. A request counts once, however many pictures it made, and a picture
 * once, however many copies of its lineage lie about. Pure.
 */
export function sumCosts(lineages: Iterable<Lineage>): LedgerRow[] {
  const rows = new Map<string, { row: LedgerRow; seen: Set<string> }>();
  const pictures = new Set<string>();
  for (const { request, model, cost, picture } of lineages) {
    const copy = `${request.id} ${picture.sha256}`;
    if (pictures.has(copy)) continue;
    pictures.add(copy);
    const day = request.started.slice(0, 10);
    const key = `${day} ${model}`;
    const { row, seen } = rows.get(key) ?? {
      row: { day, model, pictures: 0, requests: 0, usd: 0, unknown: 0, doubtful: 0 },
      seen: new Set<string>(),
    };
    const isNew = !seen.has(request.id);
    seen.add(request.id);
    rows.set(key, {
      seen,
      row: {
        ...row,
        pictures: row.pictures + 1,
        requests: row.requests + (isNew ? 1 : 0),
        usd: row.usd + (isNew ? (cost.actualUsd ?? 0) : 0),
        unknown: row.unknown + (isNew && cost.actualUsd === null ? 1 : 0),
        doubtful: row.doubtful + (isNew && cost.actualUsd !== null && cost.doubtful ? 1 : 0),
      },
    });
  }
  return [...rows.values()]
    .map(({ row }) => ({ ...row, usd: Math.round(row.usd * 1e6) / 1e6 }))
    .sort((a, b) => (`${a.day} ${a.model}` < `${b.day} ${b.model}` ? -1 : 1));
}

export type LedgerTotal = Omit<LedgerRow, 'day' | 'model'>;

/** All rows as one. Pure. */
export function totalOf(rows: readonly LedgerRow[]): LedgerTotal {
  const sum = (part: (row: LedgerRow) => number): number => rows.reduce((total, row) => total + part(row), 0);
  return {
    pictures: sum(({ pictures }) => pictures),
    requests: sum(({ requests }) => requests),
    usd: Math.round(sum(({ usd }) => usd) * 1e6) / 1e6,
    unknown: sum(({ unknown }) => unknown),
    doubtful: sum(({ doubtful }) => doubtful),
  };
}
