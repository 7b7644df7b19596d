import { basename, dirname } from 'node:path';
import type { Estimate } from '../../picture/cost/cost.ts';
import { endpointName } from '../../picture/openai/endpoint.ts';
import { type PlannedReference, sentName, type Unused } from '../../picture/plan.ts';
import type { EndpointKind } from '../../picture/port.ts';
import { groupByReason } from '../../picture/unused.ts';
import { costText } from '../terminal/picture-report.ts';
import { bytes, count } from '../text.ts';
import { DRY_RUN_STYLE } from './dry-run-style.ts';
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
