/**
 * The page's whole style sheet. `aspect` is the width to height of the frames; few results stand in few columns,
 * large, and never leave a row almost empty. Text keeps a contrast of at least 4.5 to 1 in both schemes.
 */
export function sheetStyle(aspect: number, results: number): string {
  const columns = Math.min(6, Math.max(2, Math.ceil(Math.sqrt(results))));
  return `
:root {
  color-scheme: light dark;
  --ground: #f6f6f4; --card: #ffffff; --well: #e9e9e6; --line: #dcdcd8;
  --text: #1c1d1f; --quiet: #5b5e63; --accent: #8a5200; --focus: #1f5fd0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #141517; --card: #1d1f22; --well: #26292d; --line: #303338;
    --text: #ededeb; --quiet: #a6a9ae; --accent: #f0b85a; --focus: #8ab4ff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 1720px; padding: clamp(16px, 3vw, 44px);
  background: var(--ground); color: var(--text);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
h1, h2, p, ul, ol, figure { margin: 0; padding: 0; }
ul, ol { list-style: none; }
header { margin-bottom: clamp(20px, 3vw, 36px); }
h1 { font-size: clamp(22px, 3.2vw, 34px); line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h1 span { font-weight: 400; color: var(--quiet); }
header p { margin-top: 4px; color: var(--quiet); overflow-wrap: anywhere; }
h2 { margin-bottom: 10px; font-size: 13px; font-weight: 650; letter-spacing: 0.04em; color: var(--accent); }
main { --gap: clamp(10px, 1.6vw, 22px); display: grid; gap: clamp(24px, 3vw, 40px); }
.results ol {
  display: grid; gap: var(--gap);
  grid-template-columns: repeat(auto-fill, minmax(max(236px, calc((100% - ${columns - 1} * var(--gap)) / ${columns})), 1fr));
}
.query ul { display: grid; gap: var(--gap); grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); }
figure { height: 100%; overflow: hidden; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.query figure { border-color: var(--accent); }
.query img { display: block; width: 100%; height: auto; max-height: 64vh; object-fit: contain; background: var(--well); }
.results .frame, .none { display: grid; place-items: center; aspect-ratio: ${aspect.toFixed(4)}; overflow: hidden; background: var(--well); }
.results img { width: 100%; height: 100%; min-height: 0; object-fit: contain; }
a.frame:focus-visible { outline: 3px solid var(--focus); outline-offset: -3px; }
a.frame:hover img { opacity: 0.9; }
.none { padding: 16px; color: var(--quiet); text-align: center; }
figcaption { padding: 10px 12px 12px; }
.first { display: flex; align-items: baseline; gap: 8px; }
.rank { flex: none; min-width: 1.2em; font-weight: 650; color: var(--accent); font-variant-numeric: tabular-nums; }
.name { flex: 1; min-width: 0; font-weight: 600; overflow-wrap: anywhere; }
.score { flex: none; font-variant-numeric: tabular-nums; }
.folder, .facts { font-size: 13px; color: var(--quiet); overflow-wrap: anywhere; }
.folder { margin-top: 2px; }
.facts { display: flex; flex-wrap: wrap; column-gap: 12px; }
.facts span { white-space: nowrap; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
footer { margin-top: 36px; font-size: 13px; color: var(--quiet); }
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
  :root { --ground: #fff; --card: #fff; --well: #f4f4f2; --line: #ccc; --text: #000; --quiet: #444; --accent: #000; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  main { display: block; --gap: 5mm; }
  .query { position: static; max-height: none; margin-bottom: 8mm; }
  .query ul { grid-template-columns: repeat(auto-fill, 80mm); }
  .results ol { grid-template-columns: repeat(3, 1fr); }
  figure { break-inside: avoid; border-radius: 0; }
  h2 { break-after: avoid; }
}
`;
}
