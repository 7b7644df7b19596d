import { cp, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lineage } from '../../src/picture/lineage/lineage.ts';
import { FakeOpenAi, type Received } from '../fake-openai/server.ts';
import { type Ended, type Finished, Home, repository, runHere } from '../support/cli.ts';
import type { PictureJson } from '../support/darkroom.ts';

export const fixtures = join(repository, 'fixtures');
export const cat = join(fixtures, 'queries', 'cat.jpg');

type SpawnOptions = Omit<NonNullable<Parameters<Home['curate']>[1]>, 'cwd'>;

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** An empty home, the fake API, and a folder of one's own for each test: where the built curate makes pictures. */
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

  /** `curate ARGS` in this process, where there is no terminal; nothing is indexed. */
  run(args: readonly string[], { cwd = this.folder, env = {} }: RunOptions = {}): Promise<Ended> {
    const home = join(this.home.path, 'in-process');
    return runHere(args, { cwd, home: this.home.path, env: { CURATE_HOME: home, ...this.access(), ...env } });
  }

  /** Runs `curate ARGS --json` in this process and parses its one document. */
  async json<T = PictureJson>(args: readonly string[], options: RunOptions = {}): Promise<T & { exit: number }> {
    const { code, stdout } = await this.run([...args, '--json'], options);
    return { ...(JSON.parse(stdout) as T), exit: code };
  }

  /** `curate ARGS` as a process of its own, as a person's shell runs it. */
  spawn(args: readonly string[], { env = {}, ...options }: SpawnOptions = {}): Promise<Finished> {
    return this.home.curate(args, { cwd: this.folder, env: { ...this.access(), ...env }, ...options });
  }

  spawnJson<T = PictureJson>(
    args: readonly string[],
    { env = {}, ...options }: SpawnOptions = {},
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
