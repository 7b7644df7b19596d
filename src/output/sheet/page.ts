import stringWidth from 'string-width';
import type { RenderPhoto } from '../../photos/render.ts';
import type { World } from '../../world.ts';
import { type Html, html } from '../pages/html.ts';
import { renderPage } from '../pages/page.ts';
import { certaintyText, type SearchResultRow, scoreText, takenDay } from '../result-row.ts';
import { printableParts, shortenMiddle } from '../terminal/shorten.ts';
import { bytes, count } from '../text.ts';
import { type LinkBase, linkTo, type SheetContents } from './contents.ts';
import { dateText, folderBelow, type Heading, heading, sharedFolder } from './heading.ts';
import { frameAspect } from './layout.ts';
import { type Thumbnail, thumbnail } from './thumbnail.ts';

/** The sheet as one page that needs nothing else: no script, no network, thumbnails inside. */
export async function renderSheetPage(world: World, render: RenderPhoto, contents: SheetContents): Promise<string> {
  const { results, columns } = contents;
  const words = heading(contents, world.now());
  const sections = await sectionsOf(render, contents, words, thumbnailSize(results.length), '');
  const body = html`<header>
<h1><span>Photos ${words.relation}</span> <bdi>${words.name}</bdi></h1>
<p>${words.found}</p>
<p>${words.where}</p>
</header>
<main class="pair">
${sections}</main>
<footer><p>${words.made}</p></footer>`;
  const style = sheetStyle(frameAspect(results), results.length, columns);
  return renderPage({ title: `Photos ${words.relation} ${words.name}`, pictures: 'data:', style, body });
}

/** The same of the answers to several queries, one below the other; at least one. */
export async function renderGroupedPage(
  world: World,
  render: RenderPhoto,
  groups: readonly SheetContents[],
): Promise<string> {
  const all = groups.flatMap(({ results }) => results);
  const most = Math.max(...groups.map(({ results }) => results.length));
  const shown: Html[] = [];
  for (const [i, contents] of groups.entries()) {
    const words = heading(contents, world.now());
    const id = `-${i + 1}`;
    shown.push(html`<section class="group" aria-labelledby="group${id}">
<header>
<h2 id="group${id}"><span>Photos ${words.relation}</span> <bdi>${words.name}</bdi></h2>
<p>${words.found}</p>
<p>${words.where}</p>
</header>
<div class="pair">
${await sectionsOf(render, contents, words, thumbnailSize(all.length), id)}</div>
</section>
`);
  }
  const title = `Answers to ${count(groups.length, 'query', 'queries')}`;
  const body = html`<header>
<h1>${title}</h1>
<p>${count(all.length, 'photo')}</p>
</header>
<main>
${shown}</main>
<footer><p>${heading(groups[0] ?? { queries: [], results: [] }, world.now()).made}</p></footer>`;
  const style = sheetStyle(frameAspect(all), most, groups[0]?.columns);
  return renderPage({ title, pictures: 'data:', style, body });
}

/** The query photos, if there are any, and the results. @param id sets the sections apart from others on the page */
async function sectionsOf(
  render: RenderPhoto,
  { queries, results, links, fileTimes = false }: SheetContents,
  { label }: Heading,
  { edge, quality }: ThumbnailSize,
  id: string,
): Promise<Html> {
  const picture = (file: string, side: number): Promise<Thumbnail> =>
    thumbnail(render, file, { width: side, height: side }, { as: 'webp', quality });
  const [queryPictures, pictures] = await Promise.all([
    Promise.all(queries.map((file) => picture(file, queries.length === 1 ? 720 : edge))),
    Promise.all(
      results.map(
        async ({ path, available, mounted }): Promise<Thumbnail> =>
          available
            ? await picture(path, edge)
            : { kind: 'none', reason: mounted ? 'Drive away or deleted' : 'Not on this machine' },
      ),
    ),
  ]);
  const shared = sharedFolder(results.map(({ path }) => path));
  const query = html`<section class="query" aria-labelledby="query${id}">
<h2 id="query${id}">${label}</h2>
<ul>
${queries.map((file, i) => queryFigure(file, queryPictures[i], links))}</ul>
</section>
`;
  return html`${queries.length === 0 ? null : query}<section class="results" aria-labelledby="results${id}">
<h2 id="results${id}">Results</h2>
<ol>
${results.map((row, i) => resultFigure(row, pictures[i], { shared, links, fileTimes }))}</ol>
</section>
`;
}

interface ThumbnailSize {
  readonly edge: number;
  readonly quality: number;
}

/** Pixels of the long side and WebP quality: a page of thousands must still open. */
function thumbnailSize(results: number): ThumbnailSize {
  if (results <= 30) return { edge: 480, quality: 78 };
  if (results <= 100) return { edge: 400, quality: 74 };
  if (results <= 400) return { edge: 320, quality: 70 };
  return results <= MANY ? { edge: 220, quality: 66 } : { edge: 140, quality: 60 };
}

/** From this many photos on they are looked over rather than at. */
const MANY = 1500;

/** Results that may stand on the first screen: their pictures are there as soon as the page is. */
const SEEN_FIRST = 60;

function queryFigure(file: string, picture: Thumbnail | undefined, links: LinkBase | undefined): Html {
  const { folder, name } = printableParts(file);
  return html`<li><figure>
${frame(file, picture, { alt: `Query photo ${name}`, links, isSeenFirst: true })}
<figcaption>
<p class="name"><bdi>${brief(name)}</bdi></p>
<p class="folder"><bdi>${brief(folder)}</bdi></p>
</figcaption>
</figure></li>
`;
}

function resultFigure(
  row: SearchResultRow,
  picture: Thumbnail | undefined,
  {
    shared,
    links,
    fileTimes,
  }: { readonly shared: string; readonly links: LinkBase | undefined; readonly fileTimes: boolean },
): Html {
  const { name } = printableParts(row.path);
  const score = scoreText(row.score);
  const words = certaintyText(row);
  const certainty = words === null ? null : html`<span>${words}</span> `;
  const taken = takenDay(row, fileTimes);
  const date =
    taken === null
      ? null
      : html`<time datetime="${row.takenAt?.slice(0, 16) ?? taken.day}">${dateText(taken.day)}${taken.from === 'file' ? ' (file)' : ''}</time> `;
  return html`<li><figure>
${frame(row.path, picture, { alt: `Result ${row.rank}: ${name}`, links, isSeenFirst: row.rank <= SEEN_FIRST })}
<figcaption>
<p class="first"><span class="rank"><span class="unseen">Rank </span>${row.rank}</span>
<span class="name"><bdi>${brief(name)}</bdi></span>
<data class="score" value="${row.score}"><span class="unseen">Score </span>${score}</data></p>
<p class="folder"><bdi>${brief(folderBelow(row.path, shared))}</bdi></p>
<p class="facts">${certainty}${date}<span>${row.width} × ${row.height}</span> <span>${bytes(row.sizeBytes)}</span></p>
</figcaption>
</figure></li>
`;
}

/** Two or three lines of a caption; the whole path is the link's title. */
function brief(text: string): string {
  return shortenMiddle(text, 72, stringWidth);
}

/** The picture as a link to the original, or a tile that says why there is none. */
function frame(
  file: string,
  picture: Thumbnail | undefined,
  {
    alt,
    links,
    isSeenFirst,
  }: { readonly alt: string; readonly links: LinkBase | undefined; readonly isSeenFirst: boolean },
): Html {
  if (picture?.kind !== 'picture') {
    return html`<p class="frame none">${picture?.reason ?? ''}<span class="unseen">: ${alt}</span></p>`;
  }
  const { data, width, height } = picture;
  // What is seen first is there as soon as the page is, rather than grey for a moment.
  const when = isSeenFirst ? html`decoding="sync"` : html`decoding="async" loading="lazy"`;
  return html`<a class="frame" href="${linkTo(file, links)}" title="${file}"><img src="data:image/webp;base64,${Buffer.from(data).toString('base64')}" alt="${alt}" width="${width}" height="${height}" ${when}></a>`;
}

/** Captions below small pictures: the name has a line of its own. */
const NARROW = `
  figcaption { padding: 8px 10px 10px; }
  .first { flex-wrap: wrap; gap: 0 6px; }
  .results .name { flex-basis: 100%; order: 1; }
  .score { margin-left: auto; }`;

/**
 * What the contact sheet looks like beyond `PAGE_STYLE`. `aspect` is the width to height of the frames; few results
 * stand in few columns, large, and never leave a row almost empty. `wanted` columns are used where they fit.
 */
function sheetStyle(aspect: number, results: number, wanted?: number): string {
  const many = results > MANY;
  const columns = wanted ?? Math.min(many ? 10 : 6, Math.max(2, Math.ceil(Math.sqrt(results))));
  // On a narrow screen fewer columns serve better than crumbs, unless they were asked for.
  const least = wanted === undefined ? (many ? 150 : 236) : 60;
  return `
body { max-width: 1720px; }
header { margin-bottom: clamp(20px, 3vw, 36px); }
h1 span { font-weight: 400; color: var(--quiet); }
header p { margin-top: 4px; }
h2 { margin-bottom: 10px; }
.pair { --gap: clamp(10px, 1.6vw, 22px); display: grid; gap: clamp(24px, 3vw, 40px); }
.group + .group { margin-top: clamp(28px, 4vw, 56px); padding-top: clamp(20px, 3vw, 36px); border-top: 1px solid var(--line); }
.group > header h2 { margin-bottom: 0; font-size: clamp(18px, 2.2vw, 24px); color: var(--text); overflow-wrap: anywhere; }
h2 span { font-weight: 400; color: var(--quiet); }
.results ol {
  display: grid; gap: var(--gap);
  grid-template-columns: repeat(auto-fill, minmax(max(${least}px, calc((100% - ${columns - 1} * var(--gap)) / ${columns})), 1fr));
}
/* What is out of sight is not laid out, and its picture not decoded: a page of 10,000 opens in half the time. */
.results li { content-visibility: auto; contain-intrinsic-height: auto 330px; }
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
footer { margin-top: 36px; }${many ? NARROW : ''}
@media (min-width: 860px) {
  /* The query stays in sight beside the results it is compared with. */
  .pair { grid-template-columns: minmax(260px, 27%) minmax(0, 1fr); align-items: start; }
  /* Words have no photo to stand beside. */
  .results:only-child { grid-column: 1 / -1; }
  .query { position: sticky; top: 16px; max-height: calc(100vh - 32px); overflow-y: auto; }
}
@media (max-width: 559px) {
  .results ol { grid-template-columns: repeat(2, minmax(0, 1fr)); }${NARROW}
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  .pair { display: block; --gap: 5mm; }
  .query { position: static; max-height: none; margin-bottom: 8mm; }
  .query ul { grid-template-columns: repeat(auto-fill, 80mm); }
  .results ol { grid-template-columns: repeat(3, 1fr); }
  .results li { content-visibility: visible; }
  figure { border-radius: 0; }
}
`;
}
