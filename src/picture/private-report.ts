import { join } from 'node:path';
import type { Session } from '../library/session.ts';
import { describe } from './candidates.ts';
import { type GuardDeps, guardNow, type PrivateGuard, privateTwin } from './private-guard.ts';

/** What the private rules say of a photo. */
export interface PrivacyReport {
  /** Absolute. */
  readonly path: string;
  readonly private: boolean;
  /** The file or setting that speaks, or the private photo that shows the same; null when it is not private. */
  readonly rule: string | null;
}

type ReportDeps = GuardDeps & { readonly session: Session };

/**
 * Whether photos may be sent, as comic would decide it: by the rules for their paths, and by whether an indexed private
 * photo shows the same. @param files absolute @throws UserError when one cannot be read
 */
export async function checkPrivacy(files: readonly string[], deps: ReportDeps): Promise<PrivacyReport[]> {
  const { session } = deps;
  const guard = await reportingGuard(deps);
  const rules = new Map(files.map((file) => [file, guard.privateBy(file)]));
  const open = files.filter((file) => rules.get(file) === null);
  const { storeExists } = await import('../store/open.ts');
  if (open.length > 0 && (await storeExists(session.settings))) {
    const [index, embedder] = await Promise.all([session.index(), session.embedder()]);
    const { thresholds } = embedder.model;
    for (const [file, photo] of await describe(embedder, open)) {
      rules.set(file, await privateTwin(index, photo, { guard, thresholds }));
    }
  }
  return files.map((path) => {
    const rule = rules.get(path) ?? null;
    return { path, private: rule !== null, rule };
  });
}

/** The indexed photos that are private by a rule, in order of path. */
export async function listPrivate(deps: ReportDeps): Promise<PrivacyReport[]> {
  const { session } = deps;
  const { storeExists } = await import('../store/open.ts');
  if (!(await storeExists(session.settings))) return [];
  const guard = await reportingGuard(deps);
  const { store, table } = await session.index();
  const roots = new Map((await store.libraries()).map(({ id, root }) => [id, root]));
  const found: PrivacyReport[] = [];
  for await (const { library, path } of table.all()) {
    const root = roots.get(library);
    if (root === undefined) continue;
    const file = join(root, path);
    const rule = guard.privateBy(file);
    if (rule !== null) found.push({ path: file, private: true, rule });
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A rule file that cannot be read is told together with the reason. */
async function reportingGuard(deps: GuardDeps): Promise<PrivateGuard> {
  const reasons = new Map<string, string>();
  const guard = await guardNow(deps, [], (file, why) => reasons.set(file, why));
  return {
    ...guard,
    privateBy: (photo) => {
      const rule = guard.privateBy(photo);
      const why = rule === null ? undefined : reasons.get(rule);
      return why === undefined ? rule : `${rule}, which cannot be read: ${why}`;
    },
  };
}
