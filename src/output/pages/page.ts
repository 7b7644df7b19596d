import { createHash } from 'node:crypto';
import { type Html, html, rawHtml } from './html.ts';

interface Page {
  readonly title: string;
  /** Where pictures may come from, in the words of a content security policy. */
  readonly pictures: 'data:' | "'self' file:";
  /** Rules of this page alone, after those that all pages share. */
  readonly style: string;
}

/** A whole page that runs no script and reaches no network: its own policy forbids both. */
export function renderPage({ body, ...page }: Page & { readonly body: Html }): string {
  const { head, foot } = pageAround(page);
  return `${head}${body.markup}${foot}`;
}

/** What stands before and behind the body of such a page. */
export function pageAround({ title, pictures, style }: Page): { readonly head: string; readonly foot: string } {
  const sheet = PAGE_STYLE + style;
  const hash = createHash('sha256').update(sheet).digest('base64');
  const policy = `default-src 'none'; img-src ${pictures}; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  const head = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${rawHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="curate">
<title>${title}</title>
<style>${rawHtml(sheet)}</style>
</head>
<body>
`.markup;
  return { head, foot: '\n</body>\n</html>\n' };
}

/**
 * What every page of curate looks like: its colours, its type and its cards. Text keeps a contrast of at least 4.5 to 1
 * in both schemes.
 */
const PAGE_STYLE = `
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
  margin: 0 auto; padding: clamp(16px, 3vw, 44px);
  background: var(--ground); color: var(--text);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
h1, h2, p, ul, ol, dl, dd, figure, pre { margin: 0; padding: 0; }
ul, ol { list-style: none; }
h1 { font-size: clamp(22px, 3.2vw, 34px); line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 13px; font-weight: 650; letter-spacing: 0.04em; color: var(--accent); }
header p { color: var(--quiet); overflow-wrap: anywhere; }
figure { height: 100%; overflow: hidden; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.frame { display: grid; place-items: center; overflow: hidden; background: var(--well); }
.frame img { width: 100%; height: 100%; min-height: 0; object-fit: contain; }
a.frame:focus-visible { outline: 3px solid var(--focus); outline-offset: -3px; }
.first { display: flex; align-items: baseline; }
.rank { font-weight: 650; color: var(--accent); font-variant-numeric: tabular-nums; }
.name { min-width: 0; font-weight: 600; overflow-wrap: anywhere; }
.score { font-variant-numeric: tabular-nums; }
.folder, .facts { font-size: 13px; color: var(--quiet); overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; }
footer { font-size: 13px; color: var(--quiet); }
@media print {
  :root { --ground: #fff; --card: #fff; --well: #f4f4f2; --line: #ccc; --text: #000; --quiet: #444; --accent: #000; }
  figure { break-inside: avoid; }
  h2 { break-after: avoid; }
}
`;
