import type { SearchResultRow } from '../result-row.ts';

export interface SheetContents {
  /** Absolute paths of the query photos. */
  readonly queries: readonly string[];
  /** Words that were searched for, as they were asked. */
  readonly words?: readonly string[];
  readonly results: readonly SearchResultRow[];
}
