import { join, parse, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';

/** The file that marks its folder's photos as private: patterns in gitignore syntax. Empty, it means the whole folder. */
export const PRIVATE_FILE = '.curateprivate';

/** What stands in a folder's `.curateprivate`: its text, null without one, `unreadable` when it cannot be looked at. */
export type ReadRules = (folder: string) => { readonly text: string } | 'unreadable' | null;

interface Rules {
  /** Number of path segments of the folder that the patterns are relative to. */
  readonly depth: number;
  readonly matcher: Ignore;
  /** For people: the file or setting that speaks. */
  readonly source: string;
}

interface PrivateSettings {
  /** gitignore patterns of the setting. One with a slash in front is meant from the root or from a library's root. */
  readonly patterns: readonly string[];
  /** Absolute roots of the libraries. */
  readonly roots: readonly string[];
  /** What `~/` stands for. */
  readonly home: string;
}

const SETTING = 'the setting privatePatterns';

/**
 * Says by which file or setting a photo is private; null when it is not. As with .gitignore the deepest file that has a
 * say wins, and nothing below a private folder can be made public again. Where in doubt, private: letters match in
 * either case and either Unicode form, and a rule file that cannot be read covers its whole folder.
 *
 * @param file absolute native path
 */
export function privateBy(file: string, settings: PrivateSettings, read: ReadRules): string | null {
  const names = namesOf(file);
  const { root } = parse(file);
  const chain = settingRules(names, settings);
  for (let depth = 0; depth < names.length; depth += 1) {
    const own = folderRules(join(root, ...names.slice(0, depth)), depth, read);
    if (own !== null) chain.push(own);
    const path = names.slice(0, depth + 1);
    const isFile = depth === names.length - 1;
    const rules = chain.findLast((candidate) => decides(candidate, path, isFile) !== null);
    if (rules !== undefined && decides(rules, path, isFile) === 'private') return rules.source;
  }
  return null;
}

function decides(rules: Rules, path: readonly string[], isFile: boolean): 'private' | 'public' | null {
  const relative = normal(path.slice(rules.depth).join('/'));
  if (relative === '') return null;
  const { ignored, unignored } = rules.matcher.test(isFile ? relative : `${relative}/`);
  if (ignored) return 'private';
  return unignored ? 'public' : null;
}

function folderRules(folder: string, depth: number, read: ReadRules): Rules | null {
  const found = read(folder);
  if (found === null) return null;
  const lines =
    found === 'unreadable' || saysNothing(found.text) ? ['*'] : found.text.split(/\r?\n/).flatMap(spellings);
  return { depth, matcher: ignore().add(lines), source: join(folder, PRIVATE_FILE) };
}

/** No pattern is in it, at most comments: then the file stands there for the whole folder. */
function saysNothing(text: string): boolean {
  return text.split('\n').every((line) => normal(line).trim() === '' || normal(line).startsWith('#'));
}

/**
 * A line as it stands, and as it may be meant: `./Family/`, `Family\\` and `"Family/"` are no patterns that match
 * anything, but ways in which people write paths. Both count: where in doubt, private.
 */
function spellings(line: string): string[] {
  const text = normal(line);
  if (text.trim() === '' || /^[#!]/.test(text)) return [text];
  const meant = text
    .trim()
    .replace(/^["'\u201c\u201d]+|["'\u201c\u201d]+$/g, '')
    .trim()
    .replaceAll('\\', '/')
    .replace(/^(\.{1,2}\/)+/, '');
  if (meant === text) return [text];
  return [text, /^(\.{1,2})?$/.test(meant) ? '*' : meant];
}

/** Patterns without a leading slash count within the photo's library, or from the root when it is in none. */
function settingRules(names: readonly string[], { patterns, roots, home }: PrivateSettings): Rules[] {
  const written = patterns.flatMap(spellings).map((pattern) => spell(pattern, home));
  const anchored = written.filter((pattern) => /^!?\//.test(pattern));
  const bases = roots.map(namesOf).filter((base) => base.every((name, i) => name === names[i]));
  return [
    { depth: 0, matcher: ignore().add(bases.length === 0 ? written : anchored), source: SETTING },
    ...bases.map((base) => ({ depth: base.length, matcher: ignore().add(written), source: SETTING })),
  ];
}

/**
 * A pattern of the setting in gitignore's terms. `a/b` would be anchored there, but a setting has no folder of its own:
 * it means any `a/b`, so that a pattern never protects less than it seems to.
 */
function spell(pattern: string, home: string): string {
  const negated = pattern.startsWith('!');
  let body = normal(negated ? pattern.slice(1) : pattern);
  if (body.startsWith('~/')) body = `/${namesOf(home).join('/')}${body.slice(1)}`;
  else if (/^[a-z]:[\\/]/i.test(body)) body = body.slice(2).replaceAll('\\', '/');
  else if (/\/./.test(body) && !body.startsWith('/')) body = `**/${body}`;
  return negated ? `!${body}` : body;
}

/** The names below the root (or drive) of an absolute native path, as they stand on the disk. */
function namesOf(path: string): string[] {
  return path
    .slice(parse(path).root.length)
    .split(sep)
    .filter((name) => name !== '');
}

/** macOS hands out names in decomposed Unicode; people type the composed form. */
function normal(text: string): string {
  return text.replace(/^\ufeff/, '').normalize('NFC');
}
