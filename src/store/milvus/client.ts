import { setTimeout as sleep } from 'node:timers/promises';
import type { UserError } from '../../errors.ts';
import type { World } from '../../world.ts';
import type { ServerEvent } from '../events.ts';
import { demandVersion } from './capabilities.ts';
import { correctConnector } from './connector.ts';
import type { Endpoint } from './endpoint.ts';
import { failureOf, type MilvusFailure, userError } from './failure.ts';
import { type ClientConfig, MilvusClient } from './sdk.ts';
import type { Tls } from './tls.ts';
import { Weather } from './weather.ts';

const CONNECT_MS = 15_000;
/** Long: Lite stalls for up to 7 s while it compacts, and far longer on a busy machine. */
export const CALL_MS = 180_000;

/** How often a call is tried while the embedded server keeps going away. */
const ATTEMPTS = 4;
const PAUSE_MS = 100;

/** One line to a Milvus: every call goes through `call`, so that failures look the same everywhere. */
export interface MilvusLine {
  readonly endpoint: Endpoint;
  /**
   * Runs one call of the SDK and checks its answer, whether the SDK throws or returns a failed status. The call is
   * repeated when an embedded server went away, which is started again, and while a server is away or busy for a
   * time, so `run` must be idempotent.
   * @throws UserError `store_unreachable`, `store_version`, `store_certificate`, `store_auth`, `store_failed` or
   * `interrupted`.
   */
  call<T>(run: (client: MilvusClient) => Promise<T>): Promise<T>;
  /** The same, but a failure that `expected` recognises is returned as null. */
  attempt<T>(
    run: (client: MilvusClient) => Promise<T>,
    expected: (failure: MilvusFailure) => boolean,
  ): Promise<T | null>;
  /** Tells the person how far the server is with loading a collection. */
  onLoading(percent: number): void;
  /** Milliseconds since some moment in the past. */
  elapsed(): number;
  close(): Promise<void>;
}

export interface LineOptions {
  readonly world: Pick<World, 'elapsed' | 'interrupted' | 'now'>;
  /** Starts the embedded server again; servers, which are not ours to start, are waited for. */
  readonly reconnect?: () => Promise<Endpoint>;
  readonly onEvent?: (event: ServerEvent) => void;
  /** How long a call waits for a server in all: five minutes unless given. */
  readonly patienceMs?: number;
  /** Whether a server that does not answer the first call is waited for as well. */
  readonly expected?: boolean;
}

export function openLine(first: Endpoint, options: LineOptions): MilvusLine {
  const { world, reconnect = null, onEvent = () => undefined } = options;
  let endpoint = first;
  let client = dial(endpoint);
  let redialled: Promise<void> | null = null;
  let unusable: MilvusClient | null = null;
  const { place } = first;
  const weather = new Weather({
    ...options,
    onWaiting: (seconds) => onEvent({ kind: 'remote', step: 'waiting', place, seconds }),
  });

  const redial = async (again: () => Promise<Endpoint>, dead: MilvusClient): Promise<void> => {
    // Several calls may find the server gone at once; the first one starts it again for all.
    if (client !== dead) return;
    redialled ??= again()
      .then((found) => {
        endpoint = found;
        client = dial(endpoint);
        // Not awaited: it never fails, and it waits for calls that may take their time to notice.
        void dead.closeConnection();
      })
      .finally(() => {
        redialled = null;
      });
    await redialled;
  };

  const restarting = (again: () => Promise<Endpoint>) => {
    let attempt = 0;
    return async (failure: MilvusFailure, used: MilvusClient): Promise<boolean> => {
      attempt += 1;
      if (!failure.away || attempt === ATTEMPTS) return false;
      // A server just killed takes connections for a moment longer, so it may have been found alive.
      if (attempt > 1) await sleep(PAUSE_MS);
      await redial(again, used);
      return true;
    };
  };

  const waiting = () => {
    const wait = weather.forCall();
    return async (failure: MilvusFailure, used: MilvusClient): Promise<boolean> => {
      const refusal = await refusalBehind(failure);
      if (refusal !== null) throw refusal;
      const again = await wait(failure);
      // A client that could not greet its server fails for ever: the next try makes a new one.
      if (!(await greeted(used))) unusable = used;
      return again;
    };
  };

  /** Several calls may fail at once, and one look at the server tells all of them. */
  let looking: Promise<UserError | null> | null = null;
  const refusalBehind = (failure: MilvusFailure): Promise<UserError | null> => {
    if (!mayRefuse(failure, endpoint, weather.known)) return Promise.resolve(null);
    looking ??= import('./refusal.ts')
      .then(({ whyRefused }) => whyRefused(endpoint, world.now()))
      .finally(() => {
        looking = null;
      });
    return looking;
  };

  const run = async <T>(
    action: (client: MilvusClient) => Promise<T>,
    expected: (failure: MilvusFailure) => boolean = () => false,
  ): Promise<Outcome<T>> => {
    const recover = reconnect === null ? waiting() : restarting(reconnect);
    for (;;) {
      if (client === unusable) await redial(async () => endpoint, client);
      const used = client;
      const outcome = await outcomeOf(used, async (sdk) => {
        demandVersion(endpoint, versionSaid(sdk));
        return action(sdk);
      });
      if (outcome.failure === null || outcome.failure.answered) weather.met();
      if (outcome.failure === null || expected(outcome.failure)) return outcome;
      if (!(await recover(outcome.failure, used))) return outcome;
    }
  };

  return {
    get endpoint() {
      return endpoint;
    },
    call: async (action) => {
      const outcome = await run(action);
      if (outcome.failure !== null) throw userError(outcome.failure, endpoint);
      return outcome.value;
    },
    attempt: async (action, expected) => {
      const outcome = await run(action, expected);
      if (outcome.failure === null) return outcome.value;
      if (expected(outcome.failure)) return null;
      throw userError(outcome.failure, endpoint);
    },
    onLoading: (percent) => onEvent({ kind: 'remote', step: 'loading', place, percent }),
    elapsed: () => world.elapsed(),
    close: async () => {
      await client.closeConnection();
    },
  };
}

type Outcome<T> = { readonly failure: MilvusFailure } | { readonly failure: null; readonly value: T };

async function outcomeOf<T>(client: MilvusClient, action: (client: MilvusClient) => Promise<T>): Promise<Outcome<T>> {
  try {
    // Awaited before every call: a rejection of it that nobody awaits would end the process.
    await client.connectPromise;
    const value = await action(client);
    const failure = failureOf(value);
    return failure === null ? { failure, value } : { failure };
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null) throw error;
    return { failure };
  }
}

const EMBEDDED = {
  // Python answers no ping while it computes, so pings would kill the long calls.
  'grpc.keepalive_time_ms': 2_147_483_647,
  'grpc.keepalive_permit_without_calls': 0,
  // A proxy set for the network has no business between this process and its own server.
  'grpc.enable_http_proxy': 0,
  // An answer with vectors is megabytes: with the usual 64 KB the server waits for word from here every few of its packets.
  'grpc-node.flow_control_window': 16 << 20,
};

const REMOTE = {
  // A server that is back should not wait for two minutes until this process looks again.
  'grpc.initial_reconnect_backoff_ms': 500,
  'grpc.max_reconnect_backoff_ms': 5_000,
};

function dial(endpoint: Endpoint): MilvusClient {
  const client = new MilvusClient({
    address: endpoint.address,
    ...(endpoint.token === undefined ? {} : { token: endpoint.token }),
    ...(endpoint.database === undefined ? {} : { database: endpoint.database }),
    ...(endpoint.tls === undefined ? {} : { tls: tlsOf(endpoint.tls) }),
    timeout: CONNECT_MS,
    telemetry: { enabled: false },
    // With NODE_ENV=test or debug the SDK would log to stdout, where results go.
    logLevel: 'error',
    // Connections are made when the first call needs them, after the interceptors below are set.
    pool: { min: 0, max: 4 },
    __SKIP_CONNECT__: true,
    channelOptions: {
      // A server that is back listens at its old address, which the common pool does not try again for up to minutes.
      'grpc.use_local_subchannel_pool': 1,
      ...(endpoint.kind === 'lite' ? EMBEDDED : REMOTE),
    },
  });
  dropRetryInterceptor(client);
  if (endpoint.kind !== 'lite') correctConnector(client);
  // Greeting tells a host that swallows everything from one that takes its time; the embedded server just answered.
  if (endpoint.kind !== 'lite') client.connect(MilvusClient.sdkInfo.version);
  client.timeout = CALL_MS;
  // Awaited by every call; this keeps an early failure from counting as unhandled until then.
  client.connectPromise.catch(() => undefined);
  return client;
}

function tlsOf({ ca, cert, key, serverName }: Tls): NonNullable<ClientConfig['tls']> {
  return {
    ...(ca === undefined ? {} : { rootCert: Buffer.from(ca) }),
    ...(cert === undefined ? {} : { certChain: Buffer.from(cert) }),
    ...(key === undefined ? {} : { privateKey: Buffer.from(key) }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

/**
 * Whether a failure may mean that one side does not want to speak to the other, rather than a network that is away: a
 * connection that was made, and ended before the server was ever heard, or in the middle by a lack of trust.
 */
function mayRefuse({ kind, reason }: MilvusFailure, { tls }: Endpoint, known: boolean): boolean {
  // What nginx answers a client with whose certificate it does not take.
  if (tls !== undefined && /HTTP status code 400/.test(reason)) return true;
  if (kind !== 'unreachable' || /ECONNREFUSED|Name resolution|Deadline/i.test(reason)) return false;
  return !known || (tls !== undefined && /certificate|SSL|self.signed|altnames/i.test(reason));
}

/** What a server calls its version; null where it said none, as when the database is not there yet. */
export function versionSaid({ serverInfo }: MilvusClient): string | null {
  // Null then, whatever the SDK's type says.
  return serverInfo?.build_tags ?? null;
}

function greeted(client: MilvusClient): Promise<boolean> {
  return client.connectPromise.then(
    () => true,
    () => false,
  );
}

/**
 * The SDK's last interceptor retries blindly, hides UNIMPLEMENTED, and writes every message out as JSON for a debug
 * log: 40 % of the time of an upsert of 2048-dimensional rows, on the main thread. Retrying is done in `openLine`.
 */
function dropRetryInterceptor(client: MilvusClient): void {
  const options = client.channelOptions as { interceptors: unknown[] };
  options.interceptors = options.interceptors.slice(0, -1);
}
