import OpenAI, { AzureOpenAI } from 'openai';
import { proxyOptions } from '../../network.ts';
import type { Settings } from '../../settings.ts';
import type { World } from '../../world.ts';
import type { Endpoint } from './endpoint.ts';
import { imageFetch } from './transport.ts';

const OPENAI = 'https://api.openai.com/v1';
/** The first version of Azure's API with several input pictures and the gpt-image parameters. */
const AZURE_API_VERSION = '2025-04-01-preview';

export interface Access {
  readonly endpoint: Endpoint;
  readonly settings: Settings;
  readonly world: Pick<World, 'env' | 'now'>;
}

/**
 * The SDK's client, with nothing left to its defaults that would cost money or tell a secret: it never repeats a
 * request, never logs, and reads no variable by itself that curate has a setting for.
 * @param onSent called when a request goes out
 */
export function makeClient({ endpoint, settings, world }: Access, model: string, onSent: () => void): OpenAI {
  const common = {
    apiKey: endpoint.apiKey,
    adminAPIKey: null,
    organization: settings.openaiOrganization ?? null,
    project: settings.openaiProject ?? null,
    maxRetries: 0,
    logLevel: 'off',
    fetch: imageFetch(proxyOptions(world, settings), onSent),
  } as const;
  if (endpoint.kind !== 'azure') return new OpenAI({ ...common, baseURL: endpoint.baseUrl ?? OPENAI });
  return new AzureOpenAI({
    ...common,
    // Null, not absent: it would take OPENAI_BASE_URL and then object to having both.
    baseURL: null,
    endpoint: endpoint.baseUrl ?? '',
    apiVersion: settings.azureApiVersion ?? AZURE_API_VERSION,
    deployment: settings.azureDeployment ?? model,
  });
}
