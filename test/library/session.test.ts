import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { listModels } from '../../src/embedding/models.ts';
import type { Session, SessionEvent } from '../../src/library/session.ts';
import { loadSettings, type Settings } from '../../src/settings.ts';
import { connectLite } from '../../src/store/lite/connect.ts';
import { stopLite } from '../../src/store/lite/server.ts';
import { photo } from '../store/samples.ts';
import { repository } from '../support/cli.ts';
import { type LiteHome, liteHome } from '../support/lite.ts';
import { unsteadyProxy } from '../support/unsteady-proxy.ts';

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

  it('takes the model of an index that other machines made on a server, says so, and remembers it', async () => {
    const { address, token } = await connectLite(home.world, home.paths, () => undefined);
    const network = await unsteadyProxy(address.replace(/^unix:/, ''));
    // Not made yet.
    const second = join(await mkdtemp(join(tmpdir(), 'curate-second-')), 'data');
    onTestFinished(() => rm(dirname(second), { recursive: true }));
    const said: SessionEvent[] = [];
    const paths = { config: second, data: second, cache: home.paths.data };
    const begin = (options = {}): Session => {
      const there = { ...settings, milvusUri: network.uri, milvusToken: token, paths };
      const session = openSession(home.world, there, (event) => said.push(event), options);
      sessions.push(session);
      return session;
    };
    const model = (await listModels(settings)).find(({ path, default: usual }) => path !== null && !usual);
    if (model === undefined) throw new Error('there is but one model on this machine');
    const store = await open().store();
    await store.putLibrary({ id: 'family', name: 'family', root: '', model: model.id });
    const vector = new Float32Array(model.dim).fill(Math.sqrt(1 / model.dim));
    await store.table(model).upsert([{ ...photo('a.jpg', { library: 'family' }), vector }]);
    const session = begin();
    expect((await session.model()).id).toBe(model.id);
    expect(await (await session.index()).table.count()).toBe(1);
    expect(said).toEqual([{ kind: 'model', step: 'taken', model: model.id, place: new URL(network.uri).host }]);
    const next = begin();
    expect((await next.embedder()).model.id).toBe(model.id);
    expect(said).toHaveLength(1);
    network.close();

    // Away when a command starts, it is waited for by one that nobody sits before.
    await expect((await begin().store()).libraries()).rejects.toMatchObject({ code: 'store_unreachable' });
    const waiting = (await begin({ patient: true }).store()).libraries();
    const back = createServer((near) => {
      const far = connect(address.replace(/^unix:/, ''));
      near.on('error', () => far.destroy()).pipe(far);
      far.on('error', () => near.destroy()).pipe(near);
    });
    back.listen(Number(new URL(network.uri).port), '127.0.0.1');
    expect(await waiting).toMatchObject([{ name: 'family' }]);
    back.close();
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
    await expect(broken.embedder()).rejects.toMatchObject({ code: 'model_unknown', kind: 'usage' });
    await broken.close();
  });
});
