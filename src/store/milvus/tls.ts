import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { messageOf, systemErrorCode, UserError } from '../../errors.ts';
import { type Settings, VARIABLES } from '../../settings.ts';

/** What a connection by TLS begins with, beyond what Node does of its own accord. */
export interface Tls {
  /** The authorities that are trusted in place of those that Node knows (PEM). */
  readonly ca?: string;
  /** What this machine shows to a server that demands it (PEM): a certificate, with those between it and its authority. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that the server's certificate must have, and by which it is asked for (SNI), in place of the host's. */
  readonly serverName?: string;
}

type Key = 'milvusCa' | 'milvusCert' | 'milvusKey';
type TlsSettings = Pick<Settings, Key | 'milvusServerName'>;

/**
 * Reads the files that the settings name; null when no setting is about TLS.
 * @throws UserError `settings` when one cannot be read or used.
 */
export async function readTls(settings: TlsSettings): Promise<Tls | null> {
  const { milvusCert, milvusKey, milvusServerName: serverName } = settings;
  if ((milvusCert === undefined) !== (milvusKey === undefined)) {
    const lacking = milvusCert === undefined ? VARIABLES.milvusCert : VARIABLES.milvusKey;
    throw new UserError('settings', `${lacking} is not set, and a certificate and its key come together.`, {
      hint: `Set ${VARIABLES.milvusCert} and ${VARIABLES.milvusKey}, or neither.`,
    });
  }
  const [ca, cert, key] = await Promise.all([
    read(settings, 'milvusCa'),
    read(settings, 'milvusCert'),
    read(settings, 'milvusKey'),
  ]);
  if (ca === null && cert === null && key === null && serverName === undefined) return null;
  const tls: Tls = {
    ...(ca === null ? {} : { ca: certificates(ca, settings, 'milvusCa') }),
    ...(cert === null ? {} : { cert: certificates(cert, settings, 'milvusCert') }),
    ...(key === null ? {} : { key: keyOf(key, settings) }),
    ...(serverName === undefined ? {} : { serverName }),
  };
  try {
    createSecureContext(tls);
  } catch (error) {
    throw unusable(settings, cert === null ? 'milvusCa' : 'milvusCert', secureContextTrouble(error), error);
  }
  return tls;
}

async function read(settings: TlsSettings, name: Key): Promise<Buffer | null> {
  const file = settings[name];
  if (file === undefined) return null;
  return readFile(file).catch((error: unknown) => {
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'there is no such file',
      ENOTDIR: 'there is no such file',
      EACCES: 'you may not',
      EISDIR: 'it is a folder',
    };
    const why = reasons[systemErrorCode(error) ?? ''] ?? messageOf(error);
    throw new UserError('settings', `${VARIABLES[name]}, ${file}, cannot be read: ${why}.`, {
      hint: `Correct ${VARIABLES[name]}, or "${name}" in config.json.`,
      cause: error,
    });
  });
}

/** In PEM; one certificate in DER, as .cer and .crt files often are, becomes PEM. */
function certificates(bytes: Buffer, settings: TlsSettings, name: Key): string {
  const text = bytes.toString('latin1');
  if (text.includes('-----BEGIN CERTIFICATE-----') || text.includes('-----BEGIN TRUSTED CERTIFICATE-----')) return text;
  try {
    return new X509Certificate(bytes).toString();
  } catch (error) {
    throw unusable(settings, name, 'it holds no certificate', error);
  }
}

function keyOf(bytes: Buffer, settings: TlsSettings): string {
  const text = bytes.toString('latin1');
  if (!text.includes('PRIVATE KEY-----')) throw unusable(settings, 'milvusKey', 'it holds no private key in PEM');
  if (!text.includes('ENCRYPTED')) return text;
  throw new UserError('settings', `${VARIABLES.milvusKey}, ${settings.milvusKey}, is protected by a passphrase.`, {
    hint: 'Write one without, which you alone may read: openssl pkey -in KEY.pem -out plain.pem',
  });
}

function secureContextTrouble(error: unknown): string {
  const said = messageOf(error);
  if (/key values mismatch/i.test(said)) return `it does not belong to the key in ${VARIABLES.milvusKey}`;
  return `TLS does not take it (${said.replace(/^error:[0-9A-F]*:/i, '')})`;
}

function unusable(settings: TlsSettings, name: Key, why: string, cause?: unknown): UserError {
  return new UserError('settings', `${VARIABLES[name]}, ${settings[name]}, cannot be used: ${why}.`, {
    hint: `Correct ${VARIABLES[name]}, or "${name}" in config.json.`,
    cause,
  });
}
