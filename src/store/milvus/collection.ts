import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsistencyLevelEnum, DescribeCollectionResponse, RowData } from '@zilliz/milvus2-sdk-node';
import { UserError } from '../../errors.ts';
import { CALL_MS, type MilvusLine } from './client.ts';
import type { Endpoint } from './endpoint.ts';
import type { MilvusFailure } from './failure.ts';
import { describeIndexes, indexFields, indexVectors } from './indexes.ts';
import { JointSearch, type SearchTerms } from './joint-search.ts';
import type { MilvusRow } from './rows.ts';
import { type CollectionSpec, checkOurs, createRequest } from './schema.ts';
import type { MilvusClient } from './sdk.ts';

/** How long a server may take to seal its segments, and to get on by a percent with loading a collection. */
const PATIENCE_MS = 120_000;
const POLL_MS = 100;
/** Loading that takes no longer goes unsaid. */
const QUIET_MS = 2_000;
/** As `getLoadState` says it. */
const [LOADED, LOADING] = ['LoadStateLoaded', 'LoadStateLoading'];

/** Bounded staleness may miss what other processes wrote in the last seconds, and answers at once. */
export type Consistency = 'Strong' | 'Bounded';

interface QueryRequest {
  readonly filter: string;
  readonly fields: readonly string[];
  readonly limit: number;
  /** In order of the primary key. */
  readonly sorted: boolean;
  readonly consistency?: Consistency;
}

/** One collection of ours. Reading one that is not there gives nothing and makes nothing; the first upsert makes it. */
export class Collection {
  readonly #line: MilvusLine;
  readonly #spec: CollectionSpec;
  readonly #searches = new JointSearch((vectors, terms) => this.searchTogether(vectors, terms));
  #ready = false;
  #wrote = false;
  #fieldsIndexed = false;

  constructor(line: MilvusLine, spec: CollectionSpec) {
    this.#line = line;
    this.#spec = { ...spec, name: `${line.endpoint.prefix}${spec.name}` };
  }

  get kind(): Endpoint['kind'] {
    return this.#line.endpoint.kind;
  }

  async query({ filter, fields, limit, sorted, consistency }: QueryRequest): Promise<MilvusRow[]> {
    if (!(await this.#open())) return [];
    const { data } = await this.#loaded((client) =>
      client.query({
        ...this.#read(consistency),
        filter,
        output_fields: [...fields],
        limit,
        // The only way to rows in order of the primary key; without it Lite loses rows between pages.
        ...(sorted ? { params: { iterator: 'True' } } : {}),
      }),
    );
    return data;
  }

  /** Counts by asking: collection statistics lag behind on servers. */
  async count(filter: string, consistency?: Consistency): Promise<number> {
    if (!(await this.#open())) return 0;
    const { data } = await this.#loaded((client) =>
      client.query({ ...this.#read(consistency), filter, output_fields: ['count(*)'] }),
    );
    return Number(data[0]?.['count(*)']);
  }

  /** What it is indexed by, field by field; empty where nothing is. */
  async indexes(): Promise<ReadonlyMap<string, string>> {
    return this.kind === 'lite' ? new Map() : describeIndexes(this.#line, this.#spec.name);
  }

  /** What no other collection has, on this server or another; null when there is no such collection yet. */
  async identity(): Promise<string | null> {
    const description = await describe(this.#line, this.#spec.name);
    return description === null ? null : `${description.collectionID}-${description.created_timestamp}`;
  }

  /** Looked up each time, since another process may have dropped it. */
  async exists(): Promise<boolean> {
    return (await describe(this.#line, this.#spec.name, { cache: false })) !== null;
  }

  /** No error when another process has dropped it already. */
  async drop(): Promise<void> {
    const collection_name = this.#spec.name;
    await this.#line.attempt(
      (client) => client.dropCollection({ collection_name }),
      (failure) => failure.kind === 'missing',
    );
    this.#ready = false;
  }

  /**
   * The count, or the statistics of a collection that a server has not in memory, rather than load it for this; null
   * when another process has dropped it meanwhile.
   */
  async roughCount(): Promise<number | null> {
    const state = this.kind === 'lite' ? LOADED : await this.#loadState();
    if (state === null || state === LOADED) return this.count('');
    const collection_name = this.#spec.name;
    const statistics = await this.#line.attempt(
      (client) => client.getCollectionStatistics({ collection_name }),
      (failure) => failure.kind === 'missing',
    );
    return statistics === null ? null : Number(statistics.data.row_count);
  }

  /** The rows nearest to a vector, best first, each with its `score`. */
  search(vector: Float32Array, terms: SearchTerms): Promise<MilvusRow[]> {
    return this.#searches.search(vector, terms);
  }

  /** The same for several vectors in one request: an answer for each, in their order. */
  async searchTogether(vectors: readonly Float32Array[], terms: SearchTerms): Promise<MilvusRow[][]> {
    if (!(await this.#open())) return [];
    // The SDK copies their memory as a whole, where it takes lists number by number; its types know lists alone.
    const data = (vectors.length === 1 ? vectors[0] : vectors) as unknown as number[] | number[][];
    const { results } = await this.#loaded((client) =>
      // A search changes nothing, so it may miss what other processes wrote in the last moments.
      client.search({ ...this.#read('Bounded'), anns_field: 'vec', ...terms, data }),
    );
    // The SDK takes the list of one answer apart.
    return vectors.length === 1 ? [results] : (results as unknown as MilvusRow[][]);
  }

  /** @param data No two of the same primary key. */
  async upsert(data: RowData[]): Promise<void> {
    if (!(await this.#open())) await this.#create();
    this.#wrote = true;
    await this.#line.call((client) => client.upsert({ collection_name: this.#spec.name, data, timeout: CALL_MS }));
  }

  async remove(filter: string): Promise<void> {
    if (!(await this.#open())) return;
    this.#wrote = true;
    await this.#loaded((client) => client.deleteEntities({ collection_name: this.#spec.name, filter }));
  }

  /** Acknowledged rows are safe before this: it seals segments, so that they are indexed and opened faster. */
  async flush(): Promise<void> {
    if (!this.#wrote) return;
    // An earlier version of curate made none.
    await this.#indexFields();
    const names = [this.#spec.name];
    const flushed = await this.#line.attempt(
      (client) => client.flush({ collection_names: names }),
      // Servers allow a flush every ten seconds; the previous one and their own timer do what is needed.
      (failure) => failure.kind === 'busy' || failure.kind === 'denied',
    );
    const segmentIDs = Object.values<{ data: number[] }>(flushed?.coll_segIDs ?? {}).flatMap(({ data }) => data);
    // Lite is done when it answers and names no segments.
    if (segmentIDs.length === 0) return;
    const since = this.#line.elapsed();
    const isFlushed = async (): Promise<boolean> => {
      const state = await this.#line.attempt(
        (client) => client.getFlushState({ segmentIDs }),
        // Whoever may not ask does without waiting.
        (failure) => failure.kind === 'denied',
      );
      return state === null || state.flushed;
    };
    while (!(await isFlushed())) await this.#pause('seal', since);
  }

  /**
   * Strong, which costs 200 ms a call on a server, unless told otherwise: what is listed decides what is written, and a
   * library that another process has just put must not be put again. What was written here is always seen. By name,
   * against the SDK's types: the number of Strong is 0, which the SDK's `search` takes for "not given".
   */
  #read(wanted: Consistency = 'Strong') {
    const level = this.#wrote ? 'Strong' : wanted;
    return {
      collection_name: this.#spec.name,
      consistency_level: level as unknown as ConsistencyLevelEnum,
    };
  }

  /** False when there is no such collection yet. */
  async #open(): Promise<boolean> {
    if (this.#ready) return true;
    const description = await describe(this.#line, this.#spec.name);
    if (description === null) return false;
    checkOurs(description, this.#spec, this.#line.endpoint);
    await this.#load();
    this.#ready = true;
    return true;
  }

  async #create(): Promise<void> {
    const { database } = this.#line.endpoint;
    if (database !== undefined) {
      await this.#line.attempt(
        (client) => client.createDatabase({ db_name: database }),
        // Whoever may not make databases may still write to one that is there.
        (failure) => failure.kind === 'exists' || failure.kind === 'denied',
      );
    }
    await this.#line.attempt(
      (client) => client.createCollection(createRequest(this.#spec)),
      // Another process came first with the same collection: checked below like any other.
      (failure) => failure.kind === 'exists',
    );
    if (!(await this.#open())) throw new UserError('store_failed', `The collection "${this.#spec.name}" vanished.`);
    await this.#indexFields();
  }

  async #indexFields(): Promise<void> {
    if (this.#fieldsIndexed) return;
    await indexFields(this.#line, this.#spec.name, new Set(this.#spec.fields.map(({ name }) => name)));
    this.#fieldsIndexed = true;
  }

  /**
   * Servers search only what is indexed and loaded; Lite has everything loaded when it has no index. One that was started
   * again loads what it had by itself, and refuses to be told to where an index came since.
   */
  async #load(): Promise<void> {
    if (this.kind === 'lite') return;
    const collection_name = this.#spec.name;
    const state = await this.#loadState();
    if (state === null || state === LOADED) return;
    if (state !== LOADING) {
      await indexVectors(this.#line, collection_name);
      await this.#line.call((client) => client.loadCollectionAsync({ collection_name }));
    }
    const began = this.#line.elapsed();
    let [percent, since, said] = [-1, began, -1];
    while ((await this.#loadState()) !== LOADED) {
      const { progress } = await this.#line.call((client) => client.getLoadingProgress({ collection_name }));
      const now = this.#line.elapsed();
      if (Number(progress) > percent) [percent, since] = [Number(progress), now];
      if (percent > said && now - began > QUIET_MS) {
        said = percent;
        this.#line.onLoading(percent);
      }
      await this.#pause('load', since);
    }
  }

  /** One call to a collection that was open: where a server that was started again has not loaded it yet, it is waited for. */
  async #loaded<T>(run: (client: MilvusClient) => Promise<T>): Promise<T> {
    const unloaded = ({ kind }: MilvusFailure): boolean => kind === 'unloaded';
    let since: number | null = null;
    for (;;) {
      const answer = await this.#line.attempt(run, unloaded);
      if (answer !== null) return answer;
      // Whoever may not ask what is loaded is told at once.
      if (this.kind === 'lite' || (await this.#loadState()) === null) return this.#line.call(run);
      await this.#load();
      since ??= this.#line.elapsed();
      await this.#pause('load', since);
    }
  }

  /** Null for whoever may only search: the search itself says whether it is loaded. */
  async #loadState(): Promise<string | null> {
    const found = await this.#line.attempt(
      (client) => client.getLoadState({ collection_name: this.#spec.name }),
      (failure) => failure.kind === 'denied',
    );
    return found?.state ?? null;
  }

  /** @throws UserError `store_failed` when nothing has moved since `since`. */
  async #pause(verb: string, since: number): Promise<void> {
    if (this.#line.elapsed() - since > PATIENCE_MS) {
      const message = `Milvus at ${this.#line.endpoint.place} did not ${verb} the collection "${this.#spec.name}" within ${PATIENCE_MS / 1000} s.`;
      throw new UserError('store_failed', message, { hint: 'Try again when the server is less busy.' });
    }
    await sleep(POLL_MS);
  }
}

/** Null when there is no such collection. */
export async function describe(
  line: MilvusLine,
  name: string,
  // The SDK needs the same description for every upsert and search.
  { cache = true } = {},
): Promise<DescribeCollectionResponse | null> {
  return line.attempt(
    (client) => client.describeCollection({ collection_name: name, cache }),
    (failure) => failure.kind === 'missing',
  );
}
