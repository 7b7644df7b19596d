import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, dirname, extname } from 'node:path';
import stringWidth from 'string-width';
import { UserError, usageError, whyUnwritten } from '../../errors.ts';
import { Draft } from '../../files/atomic-write.ts';
import { demandUninterrupted } from '../../interrupt.ts';
import { freedBy, type Group, type GroupPhoto } from '../../library/dedupe/groups.ts';
import type { DedupePlan } from '../../library/dedupe/plan.ts';
import { KINDS, type Kind } from '../../library/dedupe/stars.ts';
import type { RenderPhoto } from '../../photos/render.ts';
import type { World } from '../../world.ts';
import { type Html, html } from '../pages/html.ts';
import { pageAround } from '../pages/page.ts';
import { scoreText } from '../result-row.ts';
import { presenceOf, type Role, rolesOf, SHOWN_ONLY, sizeOf, summaryOf, TITLES } from '../terminal/dedupe-table.ts';
import { printableParts, shortenMiddle } from '../terminal/shorten.ts';
import { bytes, count } from '../text.ts';
import { linkTo } from './contents.ts';
import { DOUBLES_STYLE } from './doubles-style.ts';
import { dateText, folderBelow, sharedFolder } from './heading.ts';
import { type Thumbnail, thumbnail } from './thumbnail.ts';

/** Of a larger group the others are only counted. */
const DRAWN = 24;
/** Groups whose thumbnails are made, and stand in memory, at once. */
const AHEAD = 6;

interface DoublesDeps {
  readonly render: RenderPhoto;
  /** By photos. */
  onDone(done: number, total: number): void;
}

/**
 * Whether the page can be written there.
 * @param file absolute
 * @throws UserError `usage` for another ending, `sheet_write` for a missing folder, `sheet_over_page` where somebody
 * else's page stands
 */
export async function checkDoublesFile(file: string): Promise<void> {
  if (extname(file).toLowerCase() !== '.html') {
    throw usageError(
      `The page cannot be written as ${basename(file)}.`,
      'End its name in .html; name folders before --sheet.',
    );
  }
  const folder = await stat(dirname(file)).catch((error: unknown) => {
    throw unwritten(file, error);
  });
  if (!folder.isDirectory()) throw unwritten(file, Object.assign(new Error(), { code: 'ENOTDIR' }));
  const handle = await open(file, 'r').catch(() => null);
  if (handle === null) return;
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0).finally(() => handle.close());
  if (buffer.toString('utf8', 0, bytesRead).includes('<meta name="generator" content="curate">')) return;
  throw new UserError('sheet_over_page', `${file} is there already and is not a page of curate.`, {
    hint: 'Choose another name, so that nothing is lost.',
  });
}

/**
 * Writes a page of the groups side by side, that needs nothing else: no script, no network, thumbnails inside. Groups are
 * written as their thumbnails come, so that memory holds but a few of them.
 * @param file absolute
 * @returns the size of the page in bytes
 * @throws UserError `interrupted`, and as `checkDoublesFile`
 */
export async function writeDoubles(
  world: World,
  file: string,
  plan: DedupePlan,
  { render, onDone }: DoublesDeps,
): Promise<number> {
  const { groups } = plan;
  const total = groups.reduce((sum, group) => sum + rolesOf(group).slice(0, DRAWN).length, 0);
  const { edge, quality } = thumbnailSize(total);
  let done = 0;
  const picture = async (photo: GroupPhoto): Promise<Thumbnail> => {
    demandUninterrupted(world.interrupted);
    const made = await thumbnail(render, photo.file, { width: edge, height: edge }, { as: 'webp', quality });
    done += 1;
    onDone(done, total);
    return made;
  };
  const shared = sharedFolder(groups.flatMap((group) => rolesOf(group).map(({ photo }) => photo.file)));
  const folder = dirname(file);
  const section = async (group: Group, i: number): Promise<string> => {
    const pictures = await Promise.all(
      rolesOf(group)
        .slice(0, DRAWN)
        .map(({ photo }) => picture(photo)),
    );
    return groupSection(group, i + 1, pictures, { shared, folder }).markup;
  };
  const { head, foot } = pageAround({ title: 'Doubles', pictures: 'data:', style: DOUBLES_STYLE });
  const draft = await Draft.open(file).catch((error: unknown) => {
    throw unwritten(file, error);
  });
  try {
    await draft.handle.writeFile(`${head}${heading(plan, shared).markup}<main>\n`);
    await inOrder(groups, AHEAD, section, draft.handle);
    await draft.handle.writeFile(`</main>\n${footer(world.now()).markup}${foot}`);
    const { size } = await draft.handle.stat();
    await draft.publish();
    return size;
  } catch (error) {
    await draft.abandon().catch(() => undefined);
    throw error instanceof UserError ? error : unwritten(file, error);
  }
}

/** Makes the text of each item, so many at once, and writes it in their order. */
async function inOrder<T>(
  items: readonly T[],
  ahead: number,
  make: (item: T, i: number) => Promise<string>,
  handle: FileHandle,
): Promise<void> {
  const made: Promise<string>[] = [];
  for (const i of items.keys()) {
    for (let next = made.length; next < Math.min(items.length, i + ahead); next += 1) {
      const text = make(items[next] as T, next);
      // It is awaited in its turn; what fails before that fails then.
      text.catch(() => undefined);
      made.push(text);
    }
    await handle.writeFile((await made[i]) as string);
    // Written, it is not to stay in memory.
    delete made[i];
  }
}

/** Pixels of the long side and WebP quality: a page of a thousand groups must still open. */
function thumbnailSize(pictures: number): { readonly edge: number; readonly quality: number } {
  if (pictures <= 60) return { edge: 480, quality: 76 };
  if (pictures <= 300) return { edge: 360, quality: 70 };
  return pictures <= 1500 ? { edge: 260, quality: 66 } : { edge: 200, quality: 60 };
}

function heading(plan: DedupePlan, shared: string): Html {
  const [found = '', ...more] = [...summaryOf(plan), ...presenceOf(plan)];
  const skipped = plan.skipped.length === 0 ? [] : [`${count(plan.skipped.length, 'photo')} could not be looked at.`];
  return html`<header>
<h1>Doubles</h1>
<p class="found">${found}</p>
${[shared === '' ? '' : `in ${shared}`, ...more, ...skipped]
  .filter((line) => line !== '')
  .map(
    (line) => html`<p><bdi>${line}</bdi></p>
`,
  )}<p class="hint">Nothing was changed. <code>curate dedupe --move-to FOLDER</code> moves what is marked “go”, what is merely similar only when <code>--kind</code> names it; <code>--review</code> asks group by group.</p>
</header>
${filter(plan.groups)}`;
}

/** A box a kind; where there is but one there is nothing to choose. */
function filter(groups: readonly Group[]): Html {
  const kinds = KINDS.map((kind) => ({ kind, found: groups.filter((group) => group.kind === kind) })).filter(
    ({ found }) => found.length > 0,
  );
  if (kinds.length < 2) return html``;
  const box = ({ kind, found }: { readonly kind: Kind; readonly found: readonly Group[] }): Html => {
    const freed = freedBy(found.filter(({ isLarge }) => !isLarge));
    return html`<label><input type="checkbox" id="show-${kind}" checked> ${TITLES[kind]} <b>${found.length.toLocaleString('en-US')}</b> <span>${bytes(freed)}</span></label>
`;
  };
  return html`<nav aria-label="Kinds shown">
${kinds.map(box)}</nav>
`;
}

interface Around {
  /** The folder that all photos share. */
  readonly shared: string;
  /** Where the page lies. */
  readonly folder: string;
}

function groupSection(group: Group, number: number, pictures: readonly Thumbnail[], around: Around): Html {
  const photos = rolesOf(group);
  const more = photos.length - pictures.length;
  const notes = [
    ...(group.warnings.length === 0 ? [] : [`Beware: ${group.warnings.join('; ')}.`]),
    ...(group.isLarge ? [SHOWN_ONLY] : []),
  ];
  return html`<section id="g${number}" class="group ${group.kind} of-${Math.min(photos.length, WIDEST)}">
<h2><span class="rank">${number.toLocaleString('en-US')}</span> ${TITLES[group.kind]} <span>${sizeOf(group)}</span></h2>
${notes.map(
  (note) => html`<p class="note">${note}</p>
`,
)}<ol>
${pictures.map((picture, i) => {
  const { role, photo } = photos[i] as (typeof photos)[number];
  return figure(role, photo, picture, around);
})}${
  more === 0
    ? ''
    : html`<li class="more">and ${count(more, 'more photo')}</li>
`
}</ol>
</section>
`;
}

/** Photos side by side at most for which a group is made wider. */
const WIDEST = 6;

const BADGES: Readonly<Record<Role, string>> = { keep: 'Keep', go: 'Go', kept: 'Kept', alike: 'Alike' };

function figure(role: Role, photo: GroupPhoto, picture: Thumbnail, { shared, folder }: Around): Html {
  const { file, width, height, reason, files, isNew } = photo;
  const { name } = printableParts(file);
  const below = folderBelow(file, shared);
  const score =
    'score' in photo ? html`<data value="${photo.score as number}">${scoreText(photo.score as number)}</data> ` : null;
  const beside = files.length === 1 ? null : html` <span>with ${count(files.length - 1, 'file')} beside it</span>`;
  const alt = `${BADGES[role]}: ${name}`;
  const frame =
    picture.kind === 'none'
      ? html`<p class="frame none">${picture.reason}</p>`
      : html`<a class="frame" href="${linkTo(file, { url: '', folder })}" title="${file}"><img src="data:image/webp;base64,${Buffer.from(picture.data).toString('base64')}" alt="${alt}" width="${picture.width}" height="${picture.height}" loading="lazy" decoding="async"></a>`;
  return html`<li><figure class="${role}">
${frame}
<p class="badges"><span class="role">${BADGES[role]}</span>${isNew ? html`<span class="new">New</span>` : null}</p>
<figcaption>
<p class="name"><bdi>${breakable(shortenMiddle(name, 60, stringWidth))}</bdi></p>
${
  below === ''
    ? null
    : html`<p class="folder"><bdi>${shortenMiddle(below, 72, stringWidth)}</bdi></p>
`
}<p class="facts"><span>${width} × ${height}</span> <span>${bytes(photo.bytes)}</span>${beside}</p>
<p class="why">${score}${reason}</p>
</figcaption>
</figure></li>
`;
}

/** A name that is too long for its frame is broken before its ending rather than within it. */
function breakable(name: string): Html {
  const ending = extname(name);
  return html`${name.slice(0, name.length - ending.length)}<wbr>${ending}`;
}

function footer(now: Date): Html {
  return html`<footer><p>Made by curate on ${dateText(now.toISOString())}</p></footer>`;
}

function unwritten(file: string, error: unknown): UserError {
  return new UserError('sheet_write', `The page ${file} cannot be written: ${whyUnwritten(file, error)}.`, {
    hint: 'Name another place with --sheet FILE.',
    cause: error,
  });
}
