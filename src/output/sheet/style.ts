/**
 * What the contact sheet looks like beyond `PAGE_STYLE`. `aspect` is the width to height of the frames; few results
 * stand in few columns, large, and never leave a row almost empty. `wanted` columns are had where they fit.
 */
export function sheetStyle(aspect: number, results: number, wanted?: number): string {
  const columns = wanted ?? Math.min(6, Math.max(2, Math.ceil(Math.sqrt(results))));
  // On a narrow screen fewer columns serve better than crumbs, unless they were asked for.
  const least = wanted === undefined ? 236 : 60;
  return `
body { max-width: 1720px; }
header { margin-bottom: clamp(20px, 3vw, 36px); }
h1 span { font-weight: 400; color: var(--quiet); }
header p { margin-top: 4px; }
h2 { margin-bottom: 10px; }
main { --gap: clamp(10px, 1.6vw, 22px); display: grid; gap: clamp(24px, 3vw, 40px); }
.results ol {
  display: grid; gap: var(--gap);
  grid-template-columns: repeat(auto-fill, minmax(max(${least}px, calc((100% - ${columns - 1} * var(--gap)) / ${columns})), 1fr));
}
.query ul { display: grid; gap: var(--gap); grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); }
.query figure { border-color: var(--accent); }
.query img { display: block; width: 100%; height: auto; max-height: 64vh; object-fit: contain; background: var(--well); }
.results .frame, .none { aspect-ratio: ${aspect.toFixed(4)}; }
a.frame:hover img { opacity: 0.9; }
.none { padding: 16px; color: var(--quiet); text-align: center; }
figcaption { padding: 10px 12px 12px; }
.first { gap: 8px; }
.rank { flex: none; min-width: 1.2em; }
.name { flex: 1; }
.score { flex: none; }
.folder { margin-top: 2px; }
.facts { column-gap: 12px; }
.facts span { white-space: nowrap; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
footer { margin-top: 36px; }
@media (min-width: 860px) {
  /* The query stays in sight beside the results it is compared with. */
  main { grid-template-columns: minmax(260px, 27%) minmax(0, 1fr); align-items: start; }
  .query { position: sticky; top: 16px; max-height: calc(100vh - 32px); overflow-y: auto; }
}
@media (max-width: 559px) {
  .results ol { grid-template-columns: 1fr 1fr; }
  figcaption { padding: 8px 10px 10px; }
  .first { flex-wrap: wrap; gap: 0 6px; }
  .results .name { flex-basis: 100%; order: 1; }
  .score { margin-left: auto; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  main { display: block; --gap: 5mm; }
  .query { position: static; max-height: none; margin-bottom: 8mm; }
  .query ul { grid-template-columns: repeat(auto-fill, 80mm); }
  .results ol { grid-template-columns: repeat(3, 1fr); }
  figure { border-radius: 0; }
}
`;
}
