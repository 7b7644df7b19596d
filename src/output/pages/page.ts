import { createHash } from 'node:crypto';
import { type Html, html, rawHtml } from './html.ts';
import { PAGE_STYLE } from './page-style.ts';

interface Page {
  readonly title: string;
  /** Where pictures may come from, in the words of a content security policy. */
  readonly pictures: 'data:' | "'self' file:";
  /** Rules of this page alone, after those that all pages share. */
  readonly style: string;
  readonly body: Html;
}

/** A whole page that runs no script and reaches no network: its own policy forbids both. */
export function renderPage({ title, pictures, style, body }: Page): string {
  const sheet = PAGE_STYLE + style;
  const hash = createHash('sha256').update(sheet).digest('base64');
  const policy = `default-src 'none'; img-src ${pictures}; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  return html`<!doctype html>
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
${body}
</body>
</html>
`.markup;
}
