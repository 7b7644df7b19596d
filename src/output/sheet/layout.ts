import type { SearchResultRow } from '../result-row.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Where everything stands on a picture sheet, in pixels. */
export interface SheetLayout extends Size {
  readonly margin: number;
  readonly gap: number;
  readonly columns: number;
  readonly rows: number;
  /** The box that every photo is fit into. */
  readonly frame: Size;
  /** From one row's top to the next. */
  readonly rowHeight: number;
  readonly fontSize: number;
  /** Lines of caption below a photo. */
  readonly captionLines: 1 | 2;
  /** How many query photos have room beside the heading, and the box of each. */
  readonly queries: number;
  readonly queryFrame: Size;
  readonly headerHeight: number;
}

/** Width to height of the frames: that of the typical photo here, so that most fill theirs; within bounds. */
export function frameAspect(photos: readonly Pick<SearchResultRow, 'width' | 'height'>[]): number {
  const aspects = photos
    .filter(({ width, height }) => width > 0 && height > 0)
    .map(({ width, height }) => width / height)
    .sort((a, b) => a - b);
  const median = aspects[Math.floor(aspects.length / 2)] ?? 4 / 3;
  return Math.min(3 / 2, Math.max(3 / 4, median));
}

/** Up to so many results, frames have this long side. */
const ROOM = [
  { results: 12, edge: 480 },
  { results: 30, edge: 400 },
  { results: 80, edge: 320 },
  { results: 300, edge: 240 },
  { results: 1000, edge: 160 },
  { results: Number.POSITIVE_INFINITY, edge: 112 },
];
/** Below this, photos and captions can no longer be made out. */
const SMALLEST = 64;
/** What every format can hold (WebP: 16,383 a side), and what memory can (three bytes a pixel). */
const MAX_SIDE = 16_000;
const MAX_PIXELS = 80_000_000;
/** The heading stands beside the query. */
const FEWEST_COLUMNS = 2;
/** Between 4:3 and 3:2: fills screens and paper alike. */
const PLEASING_RATIO = 1.4;

/**
 * The largest layout that holds all results; null when there are too many for one picture.
 * @param columns how many photos side by side; as many as look well when absent
 */
export function layOutSheet(results: number, queries: number, aspect: number, columns?: number): SheetLayout | null {
  let edge = ROOM.find((step) => results <= step.results)?.edge ?? 0;
  for (; edge >= SMALLEST; edge = Math.floor(edge * 0.93)) {
    const layout =
      columns === undefined
        ? bestColumns(results, queries, aspect, edge)
        : withColumns(Math.max(FEWEST_COLUMNS, columns), results, queries, aspect, edge);
    if (Math.max(layout.width, layout.height) <= MAX_SIDE && layout.width * layout.height <= MAX_PIXELS) return layout;
  }
  return null;
}

function bestColumns(results: number, queries: number, aspect: number, edge: number): SheetLayout {
  const last = Math.max(FEWEST_COLUMNS, Math.min(results, 400));
  const layouts = Array.from({ length: last - 1 }, (_, i) => withColumns(i + 2, results, queries, aspect, edge));
  const cost = ({ columns, rows, width, height }: SheetLayout): number => {
    const holes = rows === 0 ? 0 : (columns * rows - results) / (columns * rows);
    return Math.abs(Math.log(width / height / PLEASING_RATIO)) + 1.2 * holes;
  };
  return layouts.reduce((best, layout) => (cost(layout) < cost(best) ? layout : best));
}

function withColumns(columns: number, results: number, queries: number, aspect: number, edge: number): SheetLayout {
  const frame = {
    width: Math.round(aspect >= 1 ? edge : edge * aspect),
    height: Math.round(aspect >= 1 ? edge / aspect : edge),
  };
  const gap = Math.max(8, Math.round(edge * 0.055));
  const margin = Math.max(20, gap * 2);
  const fontSize = Math.max(11, Math.round(edge * 0.036));
  const captionLines = edge >= 160 ? 2 : 1;
  const rowHeight = frame.height + Math.round(fontSize * (captionLines * 1.45 + 0.5)) + gap;
  const rows = Math.ceil(results / columns);
  const inner = columns * frame.width + (columns - 1) * gap;
  const header = queryFrames(queries, frame, gap, inner);
  const headerHeight = header.queryFrame.height + margin;
  const height = margin + headerHeight + rows * rowHeight + margin - (rows === 0 ? margin : gap);
  const width = inner + 2 * margin;
  return {
    width,
    height,
    margin,
    gap,
    columns,
    rows,
    frame,
    rowHeight,
    fontSize,
    captionLines,
    headerHeight,
    ...header,
  };
}

/** Query photos take up to three fifths of the width, the heading the rest; many shrink, then some are left out. */
function queryFrames(
  queries: number,
  frame: Size,
  gap: number,
  inner: number,
): Pick<SheetLayout, 'queries' | 'queryFrame'> {
  if (queries === 0) return { queries, queryFrame: { width: 0, height: 0 } };
  const least = Math.max(1, 220 / frame.width);
  const room = Math.max(inner * 0.6, frame.width);
  const scale = Math.min(least, Math.max(0.5 * least, room / queries / (frame.width + gap)));
  const queryFrame = { width: Math.round(frame.width * scale), height: Math.round(frame.height * scale) };
  return { queryFrame, queries: Math.min(queries, Math.max(1, Math.floor(room / (queryFrame.width + gap)))) };
}
