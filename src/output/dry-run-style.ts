/** The dry run's style sheet, in the colours of the contact sheet; text keeps a contrast of 4.5 to 1 in both schemes. */
export const DRY_RUN_STYLE = `
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
  margin: 0 auto; max-width: 1280px; padding: clamp(16px, 3vw, 44px);
  background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
h1, h2, p, ul, ol, dl, dd, figure, pre { margin: 0; padding: 0; }
ul, ol { list-style: none; }
.stamp {
  display: inline-block; margin-bottom: 12px; padding: 3px 12px; border: 1px solid var(--accent); border-radius: 99px;
  color: var(--accent); font-size: 13px; font-weight: 600;
}
h1 { font-size: clamp(22px, 3.2vw, 32px); line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; }
header p:not(.stamp) { margin-top: 8px; color: var(--quiet); }
header strong { color: var(--text); font-weight: 600; }
h2 { margin: clamp(28px, 4vw, 44px) 0 12px; font-size: 13px; font-weight: 650; letter-spacing: 0.04em; color: var(--accent); }
.pictures { display: grid; gap: clamp(12px, 1.8vw, 22px); grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); }
figure { height: 100%; overflow: hidden; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.frame { display: grid; place-items: center; aspect-ratio: 4 / 3; background: var(--well); }
.frame img { width: 100%; height: 100%; min-height: 0; object-fit: contain; }
a:focus-visible { outline: 3px solid var(--focus); outline-offset: -3px; }
figcaption { padding: 10px 14px 14px; }
.first { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 8px; }
.rank { font-weight: 650; color: var(--accent); }
.name { min-width: 0; font-weight: 600; overflow-wrap: anywhere; }
.role { margin-left: auto; color: var(--quiet); font-variant-numeric: tabular-nums; }
.folder, .facts, .hash { font-size: 13px; color: var(--quiet); overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; column-gap: 14px; }
.hash { margin-top: 6px; font: 11px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre {
  padding: 16px 18px; background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  font: inherit; white-space: pre-wrap; overflow-wrap: anywhere;
}
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); gap: 10px; }
dl div { padding: 8px 14px; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
dt { font-size: 12px; color: var(--quiet); }
dd { font-weight: 600; overflow-wrap: anywhere; }
.left li { display: flex; flex-wrap: wrap; gap: 0 12px; padding: 7px 2px; border-bottom: 1px solid var(--line); }
.left .score { min-width: 3em; color: var(--quiet); font-variant-numeric: tabular-nums; }
.left .why { flex: 1 1 14em; color: var(--quiet); overflow-wrap: anywhere; }
.left .name { flex: 1 1 12em; font-weight: 400; }
footer { margin-top: 40px; font-size: 13px; color: var(--quiet); }
footer a { color: inherit; }
@media print { :root { --ground: #fff; --card: #fff; --text: #000; --quiet: #444; --accent: #000; } figure { break-inside: avoid; } }
`;
