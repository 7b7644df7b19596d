import type { Settings } from './settings.ts';
import type { World } from './world.ts';

/** The world's fetch, through the proxy where one is set: Node's own fetch does not look at HTTPS_PROXY. */
export async function proxiedFetch(world: World, settings: Settings): Promise<typeof globalThis.fetch> {
  if (settings.httpsProxy === undefined) return world.fetch;
  const { EnvHttpProxyAgent, fetch } = await import('undici');
  const noProxy = world.env.NO_PROXY ?? world.env.no_proxy ?? '';
  // Empty, not absent: the agent would read the environment of the process by itself.
  const dispatcher = new EnvHttpProxyAgent({ httpProxy: '', httpsProxy: settings.httpsProxy, noProxy });
  // The package's types and Node's differ in name alone.
  const proxied = (url: string, init: object = {}) => fetch(url, { ...init, dispatcher });
  return proxied as unknown as typeof globalThis.fetch;
}
