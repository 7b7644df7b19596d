import { KINDS } from '../../library/dedupe/stars.ts';

/**
 * What the page of doubles looks like beyond what all pages share. A group is as wide as its photos need, so that small
 * ones stand side by side; what is out of sight is not laid out, and its pictures are not decoded.
 */
export const DOUBLES_STYLE = `
:root { --keep: #17692f; --keep-ground: #e2f2e6; --warn: #8a3b00; }
@media (prefers-color-scheme: dark) { :root { --keep: #63d08a; --keep-ground: #173322; --warn: #ffb070; } }
body { max-width: 1900px; }
h1 { margin-bottom: 4px; }
header { margin-bottom: 16px; }
header .found { font-size: 17px; color: var(--text); }
header .hint { margin-top: 8px; font-size: 13px; }
code { font: 12.5px/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace; background: var(--well); padding: 1px 4px; border-radius: 4px; white-space: nowrap; }
nav {
  position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: 6px 8px; padding: 10px 0; margin-bottom: 10px;
  background: var(--ground); border-bottom: 1px solid var(--line);
}
nav label {
  display: inline-flex; align-items: center; gap: 6px; padding: 5px 11px 5px 8px; cursor: pointer;
  background: var(--card); border: 1px solid var(--line); border-radius: 99px; font-size: 13px;
}
nav label:has(:focus-visible) { outline: 3px solid var(--focus); }
nav label:has(:not(:checked)) { color: var(--quiet); background: none; }
nav input { margin: 0; accent-color: var(--accent); }
nav b, nav span { font-variant-numeric: tabular-nums; }
nav span { color: var(--quiet); }
${KINDS.map((kind) => `body:has(#show-${kind}:not(:checked)) .${kind}`).join(',\n')} { display: none; }
main { --photo: 224px; --gap: 10px; --least: 158px; display: flex; flex-wrap: wrap; gap: 18px; align-items: stretch; }
.group {
  flex: 1 1 calc(var(--n) * var(--photo) + 26px); max-width: calc(var(--n) * 280px + 26px); min-width: min(100%, 300px);
  padding: 12px; background: var(--card); border: 1px solid var(--line); border-radius: 14px;
  content-visibility: auto; contain-intrinsic-size: auto 380px; scroll-margin-top: 62px;
}
${[1, 2, 3, 4, 5, 6].map((n) => `.of-${n} { --n: ${n}; }`).join(' ')}
.of-6 { max-width: none; }
.group h2 { display: flex; flex-wrap: wrap; gap: 0 8px; align-items: baseline; margin-bottom: 8px; font-size: 14px; letter-spacing: 0; color: var(--text); }
.group h2 .rank { min-width: 0; }
.group h2 span:last-child { font-weight: 400; color: var(--quiet); }
.note { margin: -2px 0 8px; font-size: 13px; color: var(--warn); }
.group ol {
  display: grid; gap: var(--gap);
  grid-template-columns: repeat(auto-fill, minmax(max(var(--least), calc((100% - (var(--n) - 1) * var(--gap)) / var(--n))), 1fr));
}
figure { position: relative; background: none; border-radius: 9px; }
figure.keep { border: 2px solid var(--keep); }
.frame { aspect-ratio: 4 / 3; }
a.frame:hover img { opacity: 0.9; }
.none { padding: 12px; color: var(--quiet); text-align: center; }
figcaption { padding: 7px 9px 9px; }
.badges { position: absolute; top: 7px; left: 7px; display: flex; gap: 5px; font-size: 12px; font-weight: 650; line-height: 1.6; }
.badges span { padding: 0 8px; border-radius: 99px; background: var(--card); color: var(--text); border: 1px solid var(--line); }
.keep .role { background: var(--keep); border-color: var(--keep); color: var(--card); }
.kept .role { background: var(--keep-ground); border-color: var(--keep); color: var(--keep); }
.badges .new { color: var(--accent); }
.name { font-size: 14px; }
.facts { column-gap: 10px; font-variant-numeric: tabular-nums; }
.facts span { white-space: nowrap; }
.why { font-size: 13px; overflow-wrap: anywhere; }
.why data { color: var(--quiet); font-variant-numeric: tabular-nums; }
.keep .why { color: var(--keep); }
.more { display: grid; place-items: center; min-height: 80px; color: var(--quiet); border: 1px dashed var(--line); border-radius: 9px; }
footer { margin-top: 28px; }
@media (max-width: 559px) {
  main { gap: 12px; --gap: 8px; --least: 136px; }
  .group { flex-basis: 100%; max-width: none; padding: 10px; contain-intrinsic-size: auto 330px; }
  nav { position: static; }
  figcaption { padding: 6px 8px 8px; }
  .facts { column-gap: 8px; }
  .badges { top: 5px; left: 5px; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, header .hint { display: none; }
  .group { content-visibility: visible; break-inside: avoid; }
}
`;
