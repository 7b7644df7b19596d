import { UserError } from '../../errors.ts';
import type { Endpoint } from './endpoint.ts';

/** A failed call, whichever of its shapes the SDK gave it. */
export interface MilvusFailure {
  /** The network's or server's own words, one line. */
  readonly reason: string;
  readonly kind:
    | 'unreachable'
    | 'silent'
    | 'stranger'
    | 'auth'
    | 'denied'
    | 'missing'
    | 'unloaded'
    | 'exists'
    | 'busy'
    | 'unready'
    | 'full'
    | 'other';
  /** A Milvus gave this answer. */
  readonly answered: boolean;
  /** The server is gone, or is another one than we greeted: worth starting an embedded one again. */
  readonly away: boolean;
  readonly cause: unknown;
}

/** gRPC status codes (grpc.io/docs/guides/status-codes). */
const GRPC = {
  cancelled: 1,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  permissionDenied: 7,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;
/**
 * Milvus status codes since 2.3 (merr/errors.go): too many requests and rate limits are `busy`; `unready` are services
 * that start or are away, a collection that is not fully loaded, a replica or channel that is not available yet; 1400
 * and 1401 are its own authentication errors.
 */
const MILVUS = {
  busy: [4, 8],
  unready: [1, 2, 103, 401, 503],
  collectionMissing: 100,
  collectionUnloaded: 101,
  tooManyCollections: 102,
  databaseMissing: 800,
  unauthenticated: [1400, 1401],
} as const;

/**
 * What went wrong with a value the SDK returned or threw; null when nothing did.
 * The SDK throws gRPC errors, statuses and whole answers, and returns failed statuses too. `code` decides:
 * `error_code` says "Success" on some failures and is the only sign of others.
 */
export function failureOf(value: unknown): MilvusFailure | null {
  if (value instanceof Error) return fromError(value);
  const status = statusOf(value);
  if (status === null) return null;
  const { code, error_code: name, reason } = status;
  const failed = (typeof code === 'number' && code !== 0) || !(name === undefined || name === 'Success' || name === 0);
  if (!failed) return null;
  const text = firstLine(reason || String(name));
  return { reason: text, kind: kindOfStatus(code, name, text), answered: true, away: false, cause: value };
}

export function userError(failure: MilvusFailure, endpoint: Endpoint): UserError {
  const { reason, cause } = failure;
  const lite = endpoint.kind === 'lite';
  const place = lite ? 'the embedded store' : `Milvus at ${endpoint.place}`;
  const Place = lite ? 'The embedded store' : place;
  switch (failure.kind) {
    case 'unreachable':
      return new UserError('store_unreachable', `No connection to ${place}${whyUnreachable(reason)}.`, {
        hint: lite
          ? 'It was started and went away again: run the command once more, or "curate doctor".'
          : 'Check that it runs and that MILVUS_URI is right, or unset MILVUS_URI to use the embedded store.',
        cause,
      });
    case 'silent':
      return new UserError('store_unreachable', `${Place} does not answer.`, {
        hint: lite ? 'Run "curate stop" and try again.' : 'Check the server, the network and MILVUS_URI.',
        cause,
      });
    case 'stranger':
      return new UserError('store_unreachable', `What answers at ${endpoint.place} is not Milvus.`, {
        hint: 'Check MILVUS_URI, and whether a proxy set in the environment stands in between.',
        cause,
      });
    case 'auth':
      return new UserError('store_auth', `${Place} refused the sign-in.`, {
        hint: lite ? 'Run "curate stop" and try again.' : 'Set MILVUS_TOKEN to an API key or to user:password.',
        cause,
      });
    case 'denied':
      return denied(reason, place, cause);
    case 'unloaded':
      return new UserError('store_failed', `${Place} has not loaded this index into memory.`, {
        hint: 'Ask whoever runs it to load it, or for the privileges Load, GetLoadState, GetLoadingProgress and IndexDetail.',
        cause,
      });
    case 'full':
      return new UserError('store_full', `${Place} takes no further collection: ${reason}.`, {
        hint:
          'curate needs one, and one more for each model. Drop one that nobody needs any more, or ' +
          (endpoint.kind === 'zilliz'
            ? 'take a larger plan: the free one has 5, a serverless one 100.'
            : 'have whoever runs it raise quotaAndLimits.limits.maxCollectionNum.'),
        cause,
      });
    default:
      if (lite && DAMAGED.test(reason)) return damaged(reason, cause);
      if (/No space left|Disk quota/i.test(reason)) {
        return new UserError('disk_full', `${Place} could not write: its disk is full.`, {
          hint: 'Make room and run the command again; what was reported as saved is safe.',
          cause,
        });
      }
      if (/OOM if load|insufficient memory|memory (quota|limit) exceeded/i.test(reason)) {
        return new UserError('store_memory', `${Place} has too little memory for what it keeps: ${reason}`, {
          hint: 'Give its query nodes more: "curate doctor" says how much the photos of an index take.',
          cause,
        });
      }
      if (/HTTP status code 413/.test(reason)) {
        return new UserError(
          'store_failed',
          `A proxy in front of ${place} does not let as much through as curate sends.`,
          {
            hint: 'Have whoever runs it lift the limit; for nginx that is: client_max_body_size 0;',
            cause,
          },
        );
      }
      return new UserError('store_failed', `${Place} failed: ${reason}`, {
        hint: lite ? 'Run "curate doctor" to check it.' : "The server's own log says more.",
        cause,
      });
  }
}

/** Milvus names the privilege and the user: "PrivilegeUpsert: permission deny to anna in the `default` database". */
const DENIED = /Privilege(\w+): permission deny to (\S+)/;
const READING = new Set([
  'Search',
  'Query',
  'Load',
  'GetLoadState',
  'DescribeCollection',
  'ShowCollections',
  'GetStatistics',
]);

function denied(reason: string, place: string, cause: unknown): UserError {
  const [, privilege, user] = DENIED.exec(reason) ?? [];
  const who = user ?? 'this account';
  const what = privilege === undefined ? 'do this' : READING.has(privilege) ? 'read this index' : 'change this index';
  const wanted = privilege === undefined ? 'rights' : `the privilege ${privilege}`;
  return new UserError('store_denied', `${place} does not let ${who} ${what}.`, {
    hint:
      `Ask whoever runs it for ${wanted}, or set MILVUS_TOKEN to an account that has it.` +
      (what === 'change this index' ? ' Searching needs no right to write.' : ''),
    cause,
  });
}

/** What runtime/lite_damage.py says of a file below `FOLDER/db`, when it shows only as the file is read. */
const DAMAGED = /\bdamaged: (.+?)[\\/]db[\\/]/;

function damaged(reason: string, cause: unknown): UserError {
  const folder = DAMAGED.exec(reason)?.[1];
  return new UserError('store_damaged', `The index is ${reason}.`, {
    hint: `Nothing was changed. To start over, move ${folder} away and index your folders again.`,
    cause,
  });
}

/** gRPC's words are for programmers; these are the cases a person can do something about. */
function whyUnreachable(reason: string): string {
  const known = UNREACHABLE.find(([pattern]) => pattern.test(reason));
  return known === undefined ? '' : `: ${known[1]}`;
}

const UNREACHABLE: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'nothing listens there'],
  // What connector.ts ends connections with.
  [/nothing answers|the server says nothing/, 'it does not answer'],
  [/Name resolution|ENOTFOUND|EAI_AGAIN/, 'there is no such host'],
  [/SSL routines/, 'it does not speak TLS, so the URI begins with http://'],
  [/self.signed|certificate/, 'its certificate is not trusted'],
  [/HTTP status code 50[234]/, 'a proxy answers there, which does not reach it'],
  [/Protocol error/, 'it speaks TLS or is not Milvus'],
];

interface Status {
  readonly code?: number | undefined;
  readonly error_code?: string | number | undefined;
  readonly reason?: string | undefined;
}

function statusOf(value: unknown): Status | null {
  if (typeof value !== 'object' || value === null) return null;
  if ('error_code' in value) return value as Status;
  return 'status' in value ? statusOf(value.status) : null;
}

function fromError(error: Error): MilvusFailure | null {
  const { code, details } = error as { code?: unknown; details?: unknown };
  // Not gRPC's: an Error of the SDK's own checks or a fault of ours, to be seen with its stack.
  if (typeof code !== 'number') return null;
  const reason = firstLine(typeof details === 'string' ? details : error.message);
  const kind = kindOfGrpc(code, reason);
  const away = kind === 'unreachable' || code === GRPC.unauthenticated;
  return { reason, kind, answered: false, away, cause: error };
}

function kindOfGrpc(code: number, reason: string): MilvusFailure['kind'] {
  switch (code) {
    case GRPC.unavailable:
    // Nobody here cancels calls: it is what a server does to those that are under way when it ends.
    case GRPC.cancelled:
      return 'unreachable';
    case GRPC.deadlineExceeded:
      // A host that swallows packets never gets past dialling.
      return /not yet|connect|resol|LB pick/i.test(reason) ? 'unreachable' : 'silent';
    case GRPC.unimplemented:
      return 'stranger';
    case GRPC.permissionDenied:
      return /permission deny/i.test(reason) ? 'denied' : 'auth';
    case GRPC.unauthenticated:
      return 'auth';
    case GRPC.resourceExhausted:
      // Also what an answer too large for this process is called.
      return /larger than/i.test(reason) ? 'other' : 'busy';
    case GRPC.internal:
      return /RST_STREAM|ECONNRESET/.test(reason) ? 'unreachable' : 'other';
    default:
      return 'other';
  }
}

function kindOfStatus(
  code: number | undefined,
  name: string | number | undefined,
  reason: string,
): MilvusFailure['kind'] {
  if (/permission deny/i.test(reason)) return 'denied';
  if (code === MILVUS.databaseMissing) return 'missing';
  if (code === MILVUS.collectionMissing || name === 'CollectionNotExists') return 'missing';
  if (code === MILVUS.collectionUnloaded || /not loaded/i.test(reason)) return 'unloaded';
  if (code === MILVUS.tooManyCollections || /exceeded the limit number of collections/i.test(reason)) return 'full';
  // Neither Lite nor a server gives an existing collection a code of its own.
  if (/already exist|duplicated/i.test(reason)) return 'exists';
  const among = (codes: readonly number[]): boolean => code !== undefined && codes.includes(code);
  if (among(MILVUS.busy) || name === 'RateLimit') return 'busy';
  if (among(MILVUS.unready) || name === 'NotReadyServe') return 'unready';
  return among(MILVUS.unauthenticated) ? 'auth' : 'other';
}

function firstLine(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
