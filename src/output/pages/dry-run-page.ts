import { basename, dirname } from 'node:path';
import type { Estimate } from '../../picture/cost/cost.ts';
import { endpointName } from '../../picture/openai/endpoint.ts';
import { groupByReason, type PlannedReference, sentName, type Unused } from '../../picture/plan.ts';
import type { EndpointKind } from '../../picture/port.ts';
import { costText } from '../terminal/picture-report.ts';
import { bytes, count } from '../text.ts';
import { type Html, html, rawHtml } from './html.ts';
import { renderPage } from './page.ts';

/** Everything that a request would send. */
export interface DryRun {
  readonly verb: string;
  readonly created: string;
  readonly curate: string;
  readonly endpoint: EndpointKind;
  readonly api: 'images.edit' | 'responses';
  readonly model: string;
  readonly prompt: string;
  /** As it would be sent. */
  readonly text: string;
  /** Under the API's names. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly references: readonly PlannedReference[];
  readonly unused: readonly Unused[];
  readonly estimate: Estimate;
  /** What was given up for the budget. */
  readonly dropped: readonly string[];
}

/** A page that stands beside the pictures and shows all that a request would send. No script, no network. */
export function dryRunPage(run: DryRun): string {
  const size = run.references.reduce((sum, { reference }) => sum + reference.bytes.length, 0);
  const body = html`<header>
<p class="stamp">Dry run · nothing was sent</p>
<h1>${count(run.references.length, 'picture')}, ${bytes(size)}, would go to ${endpointName(run.endpoint)}</h1>
<p>Estimated cost: <strong>${costText(run.estimate)}</strong></p>
${run.dropped.length === 0 ? null : html`<p>Dropped to keep the budget: ${run.dropped.join('; ')}</p>`}
</header>
<main>
<section aria-labelledby="pictures">
<h2 id="pictures">The pictures, byte for byte</h2>
<ol class="pictures">
${run.references.map(figure)}</ol>
</section>
<section aria-labelledby="text">
<h2 id="text">The text</h2>
<pre>${rawHtml(paragraphs(run.text))}</pre>
</section>
<section aria-labelledby="parameters">
<h2 id="parameters">The parameters</h2>
<dl>
<div><dt>model</dt><dd>${run.model}</dd></div>
${Object.entries(run.parameters).map(
  ([name, value]) => html`<div><dt>${name}</dt><dd>${String(value)}</dd></div>
`,
)}</dl>
</section>
${run.unused.length === 0 ? null : left(run.unused)}
</main>
<footer><p>Made ${run.created.slice(0, 16).replace('T', ' ')} UTC by curate ${run.curate}. The same facts for programs: <a href="manifest.json">manifest.json</a></p></footer>`;
  const title = `Dry run: ${count(run.references.length, 'picture')}`;
  return renderPage({ title, pictures: "'self' file:", style: DRY_RUN_STYLE, body });
}

function figure({ reference, role, score, reason }: PlannedReference, index: number): Html {
  const { file, width, height, tokens, sentSha256 } = reference;
  const name = sentName(index);
  return html`<li><figure>
<a class="frame" href="${name}"><img src="${name}" alt="Picture ${index + 1}, ${basename(file)}" width="${width}" height="${height}"></a>
<figcaption>
<p class="first"><span class="rank">${index + 1}</span> <span class="name"><bdi>${basename(file)}</bdi></span>
<span class="role">${role}${score === null ? '' : ` ${score.toFixed(2)}`}</span></p>
<p class="folder"><bdi>${dirname(file)}</bdi></p>
<p class="facts"><span>${width} × ${height}</span> <span>${bytes(reference.bytes.length)}</span> <span>${tokens.toLocaleString('en-US')} tokens</span></p>
${reason === role ? null : html`<p class="facts">${reason}</p>`}
<p class="hash"><span>sha256</span> ${sentSha256}</p>
</figcaption>
</figure></li>
`;
}

function left(unused: readonly Unused[]): Html {
  return html`<section aria-labelledby="left">
<h2 id="left">Not used</h2>
${groupByReason(unused).map(({ reason, photos }) =>
  photos.length <= NAMED
    ? leftList(photos)
    : html`<details><summary>${count(photos.length, 'photo')}: ${reason}</summary>
${leftList(photos)}</details>
`,
)}</section>`;
}

/** More photos than this that were left out for one reason are folded away. */
const NAMED = 8;

function leftList(photos: readonly Unused[]): Html {
  const row = ({ file, score, reason }: Unused): Html =>
    html`<li><span class="score">${score === null ? '' : score.toFixed(2)}</span> <span class="name"><bdi>${basename(file)}</bdi></span> <span class="why">${reason}</span></li>
`;
  return html`<ul class="left">
${photos.map(row)}</ul>
`;
}

/** Line breaks of the prompt are part of what is sent; every line is made safe by itself. */
function paragraphs(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => html`${line}`.markup)
    .join('\n');
}

/** What the dry run's page looks like beyond `PAGE_STYLE`. */
const DRY_RUN_STYLE = `
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
