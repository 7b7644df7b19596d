import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { systemErrorCode, UserError, unwritable, usageError } from '../../errors.ts';
import { writeWhole } from '../../files/atomic-write.ts';
import { makeOwnFolders } from '../../files/folders.ts';
import { withLock } from '../../files/lock.ts';
import { KINDS } from './stars.ts';

/** A photo that a person decided on: its content tells it, its path (of then, absolute) only tells copies apart. */
const photoSchema = z.strictObject({ sha256: z.string(), path: z.string() });

const decisionSchema = z.strictObject({
  /** Never used again once it is forgotten. */
  id: z.int().positive(),
  /** ISO 8601, UTC. */
  decided: z.string(),
  kind: z.enum(KINDS),
  /** The one that stays for the others, or all that are to stay. */
  keep: z.array(photoSchema),
  /** Those that may go; none where all are to stay. */
  go: z.array(photoSchema),
});

const fileSchema = z.strictObject({ next: z.int().positive(), decisions: z.array(decisionSchema) });

type DecidedPhoto = z.infer<typeof photoSchema>;
export type Decision = z.infer<typeof decisionSchema>;
/** What was decided on one group. */
export type Verdict = Pick<Decision, 'kind' | 'keep' | 'go'>;

type Stored = z.infer<typeof fileSchema>;

/** What a change of the decisions needs. */
export interface DecisionDeps {
  /** curate's own folder. */
  readonly data: string;
  /** This process. */
  readonly pid: number;
  readonly signal: AbortSignal;
}

const folderIn = (data: string): string => join(data, 'decisions');
const fileIn = (data: string): string => join(folderIn(data), 'dedupe.json');

/** What was decided, the earliest first. @throws UserError `decisions_broken` rather than propose again what was kept */
export async function readDecisions(data: string): Promise<readonly Decision[]> {
  return (await stored(data)).decisions;
}

async function stored(data: string): Promise<Stored> {
  const file = fileIn(data);
  try {
    return fileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return { next: 1, decisions: [] };
    throw new UserError('decisions_broken', `What you decided to keep cannot be read from ${file}.`, {
      hint: 'Bring the file back from a backup, or remove it to decide anew.',
      cause: error,
    });
  }
}

/** Keeps a decision, durably. @returns it with its id */
export async function decide(verdict: Verdict, now: Date, deps: DecisionDeps): Promise<Decision> {
  return changed(deps, ({ next, decisions }) => {
    const decision = { id: next, decided: now.toISOString(), ...verdict };
    return { to: { next: next + 1, decisions: [...decisions, decision] }, result: decision };
  });
}

/** Forgets decisions, those of some ids or all. @throws UserError `usage` for an id that there is none of */
export async function forget(ids: readonly number[] | 'all', deps: DecisionDeps): Promise<readonly Decision[]> {
  return changed(deps, ({ next, decisions }) => {
    const unknown = ids === 'all' ? undefined : ids.find((id) => decisions.every((one) => one.id !== id));
    if (unknown !== undefined) {
      throw usageError(`There is no decision ${unknown}.`, 'See which there are: curate dedupe --decided');
    }
    const isForgotten = ({ id }: Decision): boolean => ids === 'all' || ids.includes(id);
    const left = decisions.filter((one) => !isForgotten(one));
    return { to: { next, decisions: left }, result: decisions.filter(isForgotten) };
  });
}

interface Change<T> {
  readonly to: Stored;
  readonly result: T;
}

async function changed<T>({ data, pid, signal }: DecisionDeps, change: (from: Stored) => Change<T>): Promise<T> {
  return withLock(join(folderIn(data), 'lock'), pid, { signal }, async () => {
    const { to, result } = change(await stored(data));
    try {
      await makeOwnFolders(folderIn(data));
      await writeWhole(fileIn(data), `${JSON.stringify(to)}\n`, 0o600);
    } catch (error) {
      throw unwritable(folderIn(data), error);
    }
    return result;
  });
}

/** A photo as decisions know it. */
interface Known {
  /** Absolute. */
  readonly file: string;
  readonly sha256: string;
}

/** Decisions as they bear on photos that are there. */
export interface Bearing {
  /** Photos that were decided to stay whatever is like them, each with its decision. */
  readonly held: ReadonlyMap<string, Decision>;
  readonly choices: readonly Choice[];
}

/** That one of a group is the one to stay. */
export interface Choice {
  readonly id: number;
  readonly keeper: string;
  readonly others: readonly string[];
}

/**
 * Which photos the decisions speak of. Each photo of a decision is one file of its content: that of the same path, else
 * any other, so that neither moving nor renaming makes a decision void, and a further copy is not covered by it.
 */
export function bearingOf(decisions: readonly Decision[], photos: readonly Known[]): Bearing {
  const files = new Map<string, string[]>();
  for (const { file, sha256 } of photos) files.set(sha256, [...(files.get(sha256) ?? []), file]);
  for (const named of files.values()) named.sort();
  const held = new Map<string, Decision>();
  const choices: Choice[] = [];
  for (const decision of decisions) {
    const { id, keep, go } = decision;
    const found = matched([...keep, ...go], files);
    const [keeper, ...others] = found;
    if (go.length === 0) for (const file of found) if (file !== null) held.set(file, decision);
    if (go.length > 0 && typeof keeper === 'string') {
      choices.push({ id, keeper, others: others.filter((file) => file !== null) });
    }
  }
  return { held, choices };
}

/** The file of each photo, in their order; null where there is none left. */
function matched(
  photos: readonly DecidedPhoto[],
  files: ReadonlyMap<string, readonly string[]>,
): readonly (string | null)[] {
  const taken = new Set<string>();
  const take = (file: string | undefined): string | null => {
    if (file === undefined) return null;
    taken.add(file);
    return file;
  };
  const byPath = photos.map(({ sha256, path }) =>
    take(files.get(sha256)?.find((file) => file === path && !taken.has(file))),
  );
  return photos.map(({ sha256 }, i) => byPath[i] ?? take(files.get(sha256)?.find((file) => !taken.has(file))));
}

/**
 * The order of keeping as the choices have it: a keeper that was chosen comes right before the first of those that may
 * go for it.
 */
export function chosenFirst<T extends { readonly file: string }>(
  ordered: readonly T[],
  choices: readonly Choice[],
): readonly T[] {
  let order = ordered;
  for (const { keeper, others } of choices) {
    const lower = new Set(others);
    const from = order.findIndex(({ file }) => file === keeper);
    const to = order.findIndex(({ file }) => lower.has(file));
    const chosen = order[from];
    if (chosen === undefined || to === -1 || to > from) continue;
    order = [...order.slice(0, to), chosen, ...order.slice(to, from), ...order.slice(from + 1)];
  }
  return order;
}
