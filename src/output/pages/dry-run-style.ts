/** What the dry run's page looks like beyond `PAGE_STYLE`. */
export const DRY_RUN_STYLE = `
body { max-width: 1280px; line-height: 1.5; }
.stamp {
  display: inline-block; margin-bottom: 12px; padding: 3px 12px; border: 1px solid var(--accent); border-radius: 99px;
  color: var(--accent); font-size: 13px; font-weight: 600;
}
header p:not(.stamp) { margin-top: 8px; }
header strong { color: var(--text); font-weight: 600; }
h2 { margin: clamp(28px, 4vw, 44px) 0 12px; }
.pictures { display: grid; gap: clamp(12px, 1.8vw, 22px); grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); }
.frame { aspect-ratio: 4 / 3; }
a:focus-visible { outline: 3px solid var(--focus); outline-offset: -3px; }
figcaption { padding: 10px 14px 14px; }
.first { flex-wrap: wrap; gap: 2px 8px; }
.role { margin-left: auto; color: var(--quiet); font-variant-numeric: tabular-nums; }
.facts { column-gap: 14px; }
.hash { margin-top: 6px; font: 11px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, monospace; color: var(--quiet); overflow-wrap: anywhere; }
pre {
  padding: 16px 18px; background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  font: inherit; white-space: pre-wrap; overflow-wrap: anywhere;
}
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); gap: 10px; }
dl div { padding: 8px 14px; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
dt { font-size: 12px; color: var(--quiet); }
dd { font-weight: 600; overflow-wrap: anywhere; }
.left li { display: flex; flex-wrap: wrap; gap: 0 12px; padding: 7px 2px; border-bottom: 1px solid var(--line); }
.left .score { min-width: 3em; color: var(--quiet); }
.left .why { flex: 1 1 14em; color: var(--quiet); overflow-wrap: anywhere; }
.left .name { flex: 1 1 12em; font-weight: 400; }
footer { margin-top: 40px; }
footer a { color: inherit; }
`;
