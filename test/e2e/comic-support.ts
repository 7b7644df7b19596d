import { cp, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lineage } from '../../src/picture/lineage.ts';
import { FakeOpenAi, type Received } from '../fake-openai/server.ts';
import { type Finished, Home, repository } from '../support/cli.ts';

export const fixtures = join(repository, 'fixtures');
export const cat = join(fixtures, 'queries', 'cat.jpg');

export interface ComicJson {
  readonly schema: string;
  readonly pictures: readonly { path: string; sha256: string; width: number; height: number; bytes: number }[];
  readonly lineage: readonly string[];
  readonly references: readonly { path: string; role: string; score: number | null; used: boolean; reason: string }[];
  readonly model: string;
  readonly text: string;
  readonly usage: Record<string, unknown> | null;
  readonly cost: { readonly estimatedUsd: number | null; readonly actualUsd: number | null };
  readonly dropped: readonly string[];
  readonly dryRun: boolean;
  readonly folder?: string;
}

type RunOptions = Omit<NonNullable<Parameters<Home['curate']>[1]>, 'cwd'>;

/** An empty home, the fake API, and a folder of one's own for each test: where the built binary makes pictures. */
export class Studio {
  readonly home: Home;
  readonly fake: FakeOpenAi;
  folder = '';
  #tests = 0;

  private constructor(home: Home, fake: FakeOpenAi) {
    this.home = home;
    this.fake = fake;
  }

  static async open(): Promise<Studio> {
    return new Studio(await Home.make(), await FakeOpenAi.start());
  }

  /** For each test: an empty folder to work in, and a fake that remembers nothing. */
  async fresh(): Promise<void> {
    this.#tests += 1;
    this.folder = join(this.home.path, `work-${this.#tests}`);
    await mkdir(this.folder);
    this.fake.reset();
  }

  run(args: readonly string[], { env = {}, ...options }: RunOptions = {}): Promise<Finished> {
    return this.home.curate(args, { cwd: this.folder, env: { ...this.access(), ...env }, ...options });
  }

  json<T = ComicJson>(
    args: readonly string[],
    { env = {}, ...options }: RunOptions = {},
  ): Promise<T & { exit: number | null }> {
    return this.home.json<T>(args, { cwd: this.folder, env: { ...this.access(), ...env }, ...options });
  }

  access(): Record<string, string> {
    return { OPENAI_API_KEY: this.fake.key, OPENAI_BASE_URL: this.fake.baseUrl };
  }

  /** Requests that were answered with a picture. */
  get answered(): Received[] {
    return this.fake.received.filter(({ status }) => status === 200);
  }

  async close(): Promise<void> {
    await this.fake.close();
    await this.home.remove();
  }
}

export async function readLineage(file: string | undefined): Promise<Lineage> {
  return JSON.parse(await readFile(file ?? '', 'utf8')) as Lineage;
}

/** A library of its own, made of some of the fixture photos. */
export async function copyPhotos(names: readonly string[], folder: string): Promise<void> {
  for (const name of names) await cp(join(fixtures, 'photos', name), join(folder, name), { recursive: true });
}
