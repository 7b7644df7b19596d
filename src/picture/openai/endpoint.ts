import { UserError } from '../../errors.ts';
import type { Settings } from '../../settings.ts';
import type { EndpointKind } from '../port.ts';

/** Where requests go and with which key. */
export interface Endpoint {
  readonly kind: EndpointKind;
  /** Null means OpenAI's own. */
  readonly baseUrl: string | null;
  readonly apiKey: string;
}

/** Where the settings say requests go: Azure, another server, or OpenAI. */
export function endpointKind(settings: Settings): EndpointKind {
  if (settings.azureEndpoint !== undefined) return 'azure';
  const { openaiBaseUrl } = settings;
  return openaiBaseUrl === undefined || new URL(openaiBaseUrl).hostname === 'api.openai.com' ? 'openai' : 'compatible';
}

/** @throws UserError `no_key`, `bad_key` */
export function endpointOf(settings: Settings): Endpoint {
  const kind = endpointKind(settings);
  const [given, variable] =
    kind === 'azure' ? [settings.azureApiKey, 'AZURE_OPENAI_API_KEY'] : [settings.openaiApiKey, 'OPENAI_API_KEY'];
  // A line break at the end comes of reading it from a file.
  const apiKey = given?.trim() ?? '';
  if (apiKey === '') {
    throw new UserError('no_key', `There is no API key: ${variable} is not set.`, {
      hint: `Set ${variable} in the environment or in .env; or add --dry-run to see what would be sent, which needs no key.`,
    });
  }
  if (!/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new UserError('bad_key', `${variable} is not an API key: it has characters in it that keys have not.`, {
      hint: `Set ${variable} to the key alone; look for a space, a line break or a quotation mark.`,
    });
  }
  const baseUrl = kind === 'azure' ? settings.azureEndpoint : settings.openaiBaseUrl;
  return { kind, baseUrl: baseUrl ?? null, apiKey };
}

/** "OpenAI", "Azure OpenAI", "an OpenAI-compatible server". */
export function endpointName(kind: EndpointKind): string {
  return { openai: 'OpenAI', azure: 'Azure OpenAI', compatible: 'an OpenAI-compatible server' }[kind];
}
