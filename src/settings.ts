import { lstatSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse as parseDotenv } from 'dotenv';
import envPaths from 'env-paths';
import { z } from 'zod';
import { messageOf, systemErrorCode, UserError } from './errors.ts';
import type { World } from './world.ts';

// Every verb reads its settings first. To compile a schema takes longer than to read one file by it, and nothing is read
// by thousands.
z.config({ jitless: true });

const webAddress = z.url({ protocol: /^https?$/, error: 'it must begin with https:// or http://' });

/** What Milvus takes for a name. */
function identifier(longest: number) {
  const pattern = new RegExp(`^[A-Za-z_][A-Za-z0-9_]{0,${longest - 1}}$`);
  return z.string().regex(pattern, { error: 'it must be letters, digits and _, and not begin with a digit' });
}

/** One schema for every source; keys are the config file's own. */
const schema = z.strictObject({
  home: z.string().optional(),
  model: z.string().optional(),
  milvusUri: z.string().optional(),
  milvusToken: z.string().optional(),
  milvusCa: z.string().optional(),
  milvusCert: z.string().optional(),
  milvusKey: z.string().optional(),
  milvusServerName: z
    .string()
    .regex(/^[A-Za-z0-9_.:-]+$/, { error: 'it must be the name of a host, such as nas.lan' })
    .optional(),
  /** Of the other place of a copy. */
  copyToken: z.string().optional(),
  database: identifier(255).optional(),
  prefix: identifier(64).optional(),
  /** Where libraries are on this machine, by `spelling` of their names. */
  roots: z.record(z.string(), z.string()).optional(),
  openaiApiKey: z.string().optional(),
  openaiBaseUrl: webAddress.optional(),
  openaiOrganization: z.string().optional(),
  openaiProject: z.string().optional(),
  azureEndpoint: webAddress.optional(),
  azureApiKey: z.string().optional(),
  azureApiVersion: z.string().optional(),
  azureDeployment: z.string().optional(),
  imageModel: z.string().optional(),
  conversationModel: z.string().optional(),
  maxCost: z.preprocess(
    decimal,
    z.number({ error: 'it must be an amount of US dollars, such as 0.20' }).nonnegative().optional(),
  ),
  privatePatterns: z.preprocess(splitLines, z.array(z.string()).optional()),
  hfEndpoint: webAddress.optional(),
  httpsProxy: z.string().optional(),
  noColor: z.preprocess((value) => value !== undefined && value !== false, z.boolean()),
});

type Key = keyof z.infer<typeof schema>;
export type SettingsValues = Partial<Record<Key, unknown>>;

/** The environment variable behind each setting. */
export const VARIABLES = {
  home: 'CURATE_HOME',
  model: 'CURATE_MODEL',
  milvusUri: 'MILVUS_URI',
  milvusToken: 'MILVUS_TOKEN',
  milvusCa: 'MILVUS_CA',
  milvusCert: 'MILVUS_CERT',
  milvusKey: 'MILVUS_KEY',
  milvusServerName: 'MILVUS_SERVER_NAME',
  copyToken: 'CURATE_COPY_TOKEN',
  database: 'CURATE_DATABASE',
  prefix: 'CURATE_PREFIX',
  openaiApiKey: 'OPENAI_API_KEY',
  openaiBaseUrl: 'OPENAI_BASE_URL',
  openaiOrganization: 'OPENAI_ORG_ID',
  openaiProject: 'OPENAI_PROJECT_ID',
  azureEndpoint: 'AZURE_OPENAI_ENDPOINT',
  azureApiKey: 'AZURE_OPENAI_API_KEY',
  azureApiVersion: 'AZURE_OPENAI_API_VERSION',
  azureDeployment: 'AZURE_OPENAI_DEPLOYMENT',
  imageModel: 'CURATE_IMAGE_MODEL',
  conversationModel: 'CURATE_CONVERSATION_MODEL',
  maxCost: 'CURATE_MAX_COST',
  privatePatterns: 'CURATE_PRIVATE',
  hfEndpoint: 'HF_ENDPOINT',
  httpsProxy: 'HTTPS_PROXY',
  noColor: 'NO_COLOR',
} as const satisfies Record<Exclude<Key, 'roots'>, string>;

/** Settings that name a file: from the folder of config.json where they stand there, else from the current one. */
const FILES = ['milvusCa', 'milvusCert', 'milvusKey'] as const satisfies readonly Key[];

/** CURATE_ROOT_family=/mnt/nas/Photos */
const ROOT_PREFIX = 'CURATE_ROOT_';

const KNOWN: ReadonlySet<string> = new Set(Object.values(VARIABLES));

export interface Paths {
  readonly config: string;
  readonly data: string;
  readonly cache: string;
}

export type Settings = z.infer<typeof schema> & { readonly paths: Paths };

/**
 * Flags over environment over `.env` in the current folder over the config file over defaults.
 * An empty value counts as unset, so an empty OPENAI_BASE_URL never means the paid host by accident.
 * @param onUnknown told of every CURATE_ name in `.env` that is none of curate's
 * @throws UserError `settings` naming the value that is wrong and where it came from.
 */
export function loadSettings(
  world: World,
  flags: SettingsValues = {},
  onUnknown: (name: string) => void = () => undefined,
): Settings {
  const written = readDotenv(world.cwd);
  for (const name of Object.keys(written))
    if (name.startsWith('CURATE_') && !KNOWN.has(name) && !name.startsWith(ROOT_PREFIX)) onUnknown(name);
  const dotenv = fromVariables(written);
  const environment = fromVariables(world.env);
  const paths = locate(world, first('home', flags, environment, dotenv));
  const config = readConfig(join(paths.config, 'config.json'));
  const merged: SettingsValues = {};
  const sources = [filesFrom(paths.config, world.home, withoutEmpty(config))];
  for (const source of [dotenv, environment, flags])
    sources.push(filesFrom(world.cwd, world.home, withoutEmpty(source)));
  let account: string | undefined;
  for (const source of sources) {
    if (typeof source.milvusUri === 'string') ({ account } = splitAccount(source.milvusUri));
    // Of the same source, or of one that comes before that of the address.
    if (source.milvusToken !== undefined) account = undefined;
    Object.assign(merged, source);
  }
  merged.roots = rootsOf(world.cwd, [config, dotenv, environment]);
  const parsed = schema.safeParse(merged);
  if (parsed.success) return { ...takeAccount(parsed.data, account), paths };
  throw invalid(parsed.error, paths.config);
}

/** An account in MILVUS_URI becomes the token at once, so that nothing further on can show or store it. */
function takeAccount(values: z.infer<typeof schema>, account: string | undefined): z.infer<typeof schema> {
  const { milvusUri } = values;
  if (milvusUri === undefined) return values;
  const { address } = splitAccount(milvusUri);
  return { ...values, milvusUri: address, ...(account === undefined ? {} : { milvusToken: account }) };
}

/** `http://user:password@host` and `http://API-KEY@host` without the account, and the account without its escapes. */
export function splitAccount(uri: string): { readonly address: string; readonly account: string | undefined } {
  // Up to the last @, so that a password whose own @ or / is not escaped is no less hidden.
  const [, scheme = '', account, rest = ''] = /^([a-z]+:\/\/)?(.*)@([^@]*)$/is.exec(uri) ?? [];
  if (account === undefined) return { address: uri, account: undefined };
  const [user = '', ...password] = account.split(':');
  const parts = password.length === 0 ? [user] : [user, password.join(':')];
  return { address: scheme + rest, account: parts.map(unescaped).join(':') || undefined };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function invalid(error: z.ZodError, configFolder: string): UserError {
  const issue = error.issues[0];
  const key = String(issue?.path[0] ?? (issue as { keys?: string[] } | undefined)?.keys?.[0] ?? 'settings');
  const variable = (VARIABLES as Record<string, string>)[key];
  return new UserError('settings', `The setting "${key}" is not valid: ${issue?.message ?? 'unknown'}.`, {
    hint:
      variable === undefined
        ? `Correct it in ${join(configFolder, 'config.json')}.`
        : `Correct ${variable} in the environment or in .env, or "${key}" in ${join(configFolder, 'config.json')}.`,
  });
}

function locate(world: World, home: string | undefined): Paths {
  if (home !== undefined) {
    const base = resolve(world.cwd, home);
    return { config: base, data: join(base, 'data'), cache: join(base, 'cache') };
  }
  const { config, data, cache } = envPaths('curate', { suffix: '' });
  // An empty HOME counts as unset; where it, or a folder of XDG's, is relative, it is so to the current folder.
  const base = isBlank(world.env.HOME ?? '') ? world.home : world.cwd;
  return { config: resolve(base, config), data: resolve(base, data), cache: resolve(base, cache) };
}

function first(key: Key, ...sources: SettingsValues[]): string | undefined {
  for (const source of sources) {
    const value = source[key];
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
}

function fromVariables(env: Readonly<Record<string, string | undefined>>): SettingsValues {
  const values: SettingsValues = {};
  for (const [key, variable] of Object.entries(VARIABLES)) {
    // Proxies are customarily spelled in lower case too.
    const value = env[variable] ?? (key === 'httpsProxy' ? env.https_proxy : undefined);
    if (value !== undefined && !isBlank(value)) values[key as Key] = value;
  }
  const roots = Object.entries(env).filter(([name, root]) => name.startsWith(ROOT_PREFIX) && !isBlank(root));
  if (roots.length > 0)
    values.roots = Object.fromEntries(roots.map(([name, root]) => [name.slice(ROOT_PREFIX.length), root]));
  return values;
}

/** With the files that a source names as absolute paths; what is no text is left for the schema to refuse. */
function filesFrom(folder: string, home: string, source: SettingsValues): SettingsValues {
  const values = { ...source };
  for (const key of FILES) {
    const file = values[key];
    if (typeof file === 'string') values[key] = resolve(folder, file.replace(/^~(?=$|[\\/])/, home));
  }
  return values;
}

/** Of all sources together; what is none is left for the schema to refuse. */
function rootsOf(cwd: string, sources: readonly SettingsValues[]): unknown {
  const roots: Record<string, unknown> = {};
  for (const { roots: written = {} } of sources) {
    if (typeof written !== 'object' || written === null) return written;
    for (const [name, root] of Object.entries(written)) {
      roots[spelling(name)] = typeof root === 'string' ? resolve(cwd, root) : root;
    }
  }
  return roots;
}

/** A name as an environment variable has it: CURATE_ROOT_summer_2024 for "Summer 2024". */
export function spelling(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '_');
}

function withoutEmpty(source: SettingsValues): SettingsValues {
  return Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined && !isBlank(value)));
}

function readDotenv(cwd: string): Record<string, string> {
  return parseDotenv(readIfThere(join(cwd, '.env')) ?? '');
}

/**
 * A file's text; null when there is none. One that is there and cannot be read may hold what is private: it is not
 * passed over. @throws UserError `settings`
 */
function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = systemErrorCode(error) ?? '';
    const leadsNowhere = code === 'ENOENT' && lstatSync(file, { throwIfNoEntry: false }) !== undefined;
    // Some keep a virtual environment of Python under the name .env.
    if (['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG'].includes(code) && !leadsNowhere) return null;
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'it is a link that leads nowhere',
      EACCES: 'you may not',
    };
    throw new UserError('settings', `The settings in ${file} cannot be read: ${reasons[code] ?? messageOf(error)}.`, {
      hint: 'Make it a file that you may read, or remove it.',
      cause: error,
    });
  }
}

function readConfig(file: string): SettingsValues {
  const text = readIfThere(file);
  if (text === null) return {};
  try {
    const value: unknown = JSON.parse(text);
    return z.record(z.string(), z.unknown()).parse(value);
  } catch (error) {
    throw new UserError('settings', `The config file ${file} cannot be read: ${messageOf(error)}`, {
      hint: 'It must hold one JSON object, such as {"model": "resnet50"}.',
      cause: error,
    });
  }
}

function isBlank(value: unknown): boolean {
  return typeof value === 'string' && value.trim() === '';
}

/** As people write numbers, not as programs do: no 0x10, 1e3 or Infinity. */
function decimal(value: unknown): unknown {
  return typeof value === 'string' && /^\s*(\d+\.?\d*|\.\d+)\s*$/.test(value) ? Number(value) : value;
}

function splitLines(value: unknown): unknown {
  return typeof value === 'string'
    ? value
        .split(/[\n,]/)
        .map((line) => line.trim())
        .filter(Boolean)
    : value;
}
