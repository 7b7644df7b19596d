import type { EnvHttpProxyAgent } from 'undici';
import type { Settings } from './settings.ts';
import type { World } from './world.ts';

/** Through which proxy requests go, for undici's agent: Node's own fetch does not look at HTTPS_PROXY. */
export function proxyOptions({ env }: Pick<World, 'env'>, settings: Settings): EnvHttpProxyAgent.Options {
  // Empty, not absent: the agent would read the environment of the process by itself.
  return { httpProxy: '', httpsProxy: settings.httpsProxy ?? '', noProxy: env.NO_PROXY ?? env.no_proxy ?? '' };
}

/** The world's fetch, through the proxy where one is set. */
export async function proxiedFetch(world: World, settings: Settings): Promise<typeof globalThis.fetch> {
  if (settings.httpsProxy === undefined) return world.fetch;
  const { EnvHttpProxyAgent: Agent, fetch } = await import('undici');
  const dispatcher = new Agent(proxyOptions(world, settings));
  // The package's types and Node's differ in name alone.
  const proxied = (url: string, init: object = {}) => fetch(url, { ...init, dispatcher });
  return proxied as unknown as typeof globalThis.fetch;
}
