import type { Session, SessionOptions } from '../library/session.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';
import { compiledCode } from './compiled-code.ts';

/** The session of one verb; what setting up its store is busy with, and which model it takes, shows on stderr. */
export async function openSession(world: World, settings: Settings, options?: SessionOptions): Promise<Session> {
  // Milvus' client, which is to come, is most of what a start compiles.
  const folder = world.keepCompiled === null ? null : await compiledCode(settings.paths.cache);
  if (folder !== null) world.keepCompiled?.(folder);
  const [library, { storeScreen }] = await Promise.all([
    import('../library/session.ts'),
    import('../output/terminal/store-events.ts'),
  ]);
  return library.openSession(world, settings, storeScreen(world), options);
}
