import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/library/session.ts';
import { loadSettings, type Settings } from '../../src/settings.ts';
import { stopLite } from '../../src/store/lite/sidecar.ts';
import { repository } from '../support/cli.ts';
import { type LiteHome, liteHome } from '../support/lite.ts';

/** The built one: the embedder's workers are processes, and Node 20 cannot run TypeScript. */
const { openSession } = (await import(
  new URL('../../dist/library/session.js', import.meta.url).href
)) as typeof import('../../src/library/session.ts');

const PHOTO = join(repository, 'fixtures/photos/pets/dog-1.jpg');

describe('a session', () => {
  let home: LiteHome;
  let settings: Settings;
  const sessions: Session[] = [];
  const open = (given: Partial<Settings> = {}, options = {}): Session => {
    const session = openSession(home.world, { ...settings, ...given }, () => undefined, options);
    sessions.push(session);
    return session;
  };

  beforeAll(async () => {
    home = await liteHome();
    settings = {
      ...loadSettings({ ...home.world, env: {} }),
      paths: { config: home.paths.data, cache: home.paths.data, ...home.paths },
    };
  });
  afterAll(async () => {
    await Promise.all(sessions.map((session) => session.close()));
    await home.remove();
  });

  it('opens each part once, however often and by whom it is asked for', async () => {
    const session = open();
    const [store, again] = await Promise.all([session.store(), session.store()]);
    expect(again).toBe(store);
    expect(await session.embedder()).toBe(await session.embedder());
    expect(await store.libraries()).toEqual([]);
    expect(await (await session.index()).table.count()).toBe(0);
    const result = await (await session.embedder()).embed({ file: PHOTO });
    expect(result.kind).toBe('embedded');
  });

  it('survives that the server ends and that its worker rests, and continues with new ones', async () => {
    const session = open({}, { idleMs: 50 });
    const [store, embedder] = await Promise.all([session.store(), session.embedder()]);
    const first = await embedder.embed({ file: PHOTO });
    const library = { id: 'pets', name: 'Pets', root: '/photos' };
    await session.machine.keep(library.id, library.root);
    await store.putLibrary(library);
    // As the server does by itself when nobody has called it for ten minutes.
    expect(await stopLite(home.world, home.paths)).toBe(true);
    await sleep(500);
    expect(await store.libraries()).toEqual([library]);
    expect(await embedder.embed({ file: PHOTO })).toEqual(first);
    await store.removeLibrary(library.id);
  });

  it('tries a part again that could not be opened', async () => {
    const broken = open({ milvusUri: 'nonsense://' });
    await expect(broken.store()).rejects.toMatchObject({ code: 'settings' });
    const first = broken.store();
    await expect(first).rejects.toMatchObject({ code: 'settings' });
    expect(broken.store()).not.toBe(first);
  });

  it('closes although nothing was opened, or could be', async () => {
    await open().close();
    const broken = open({ model: 'none-such' });
    await expect(broken.embedder()).rejects.toMatchObject({ code: 'model_unknown' });
    await broken.close();
  });
});
