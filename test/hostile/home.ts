import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Finished, Home, lendModels, repository, runHere } from '../support/cli.ts';
import { makePhoto } from '../support/photo-maker.ts';

export interface ErrorJson {
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string | null };
}
export interface IndexJson extends ErrorJson {
  readonly libraries: readonly {
    readonly photos: number;
    readonly added: number;
    readonly updated: number;
    readonly unchanged: number;
    readonly failed: readonly { path: string; code: string }[];
  }[];
}
export interface SearchJson extends ErrorJson {
  readonly results: readonly { path: string; score: number }[];
}
type During = (child: { readonly pid?: number | undefined }) => void;

/** The Python environment that is kept between runs: it takes seconds to make, and faults are not about that. */
export const PYTHON = join(repository, 'node_modules', '.cache', 'curate-python');

/** A home with photos in it, whose data folder is made by hand so that faults can be put under it. */
export class FaultHome {
  readonly #home: Home;
  /** The folder of the photos. */
  readonly photos: string;

  private constructor(home: Home) {
    this.#home = home;
    this.photos = join(home.path, 'photos');
  }

  static async make(): Promise<FaultHome> {
    return new FaultHome(await Home.make());
  }

  at(...names: string[]): string {
    return join(this.#home.path, ...names);
  }

  get data(): string {
    return this.at('home', 'data');
  }

  /** Makes the folders of a CURATE_HOME, with what is kept between runs in them: not in a cache that is there already. */
  async prepare(curateHome = this.at('home')): Promise<void> {
    await mkdir(PYTHON, { recursive: true });
    await mkdir(join(curateHome, 'data'), { recursive: true });
    await symlink(PYTHON, join(curateHome, 'data', 'python'));
    const cache = join(curateHome, 'cache');
    if (!existsSync(cache)) await lendModels(cache);
  }

  /** Makes `0.jpg` and so on below `photos`. */
  async addPhotos(from: number, to: number): Promise<void> {
    const seeds = Array.from({ length: to - from }, (_, i) => from + i);
    await Promise.all(seeds.map((seed) => makePhoto(join(this.photos, `${seed}.jpg`), seed)));
  }

  run(args: readonly string[], during?: During): Promise<Finished> {
    const env = { CURATE_HOME: this.at('home') };
    return this.#home.curate(args, { env, ...(during === undefined ? {} : { during }) });
  }

  json<T>(args: readonly string[], curateHome = this.at('home')): Promise<T & { readonly exit: number | null }> {
    return this.#home.json<T>(args, { env: { CURATE_HOME: curateHome } });
  }

  /** The same without a process of its own: for what ends before any photo is read. */
  async called<T>(args: readonly string[]): Promise<T & { readonly exit: number }> {
    const env = { PATH: process.env.PATH ?? '', CURATE_HOME: this.at('home') };
    const { code, stdout } = await runHere([...args, '--json'], { cwd: this.#home.path, home: this.#home.path, env });
    return { ...(JSON.parse(stdout) as T), exit: code };
  }

  /** Ends the embedded server and removes it all. */
  async remove(): Promise<void> {
    await this.run(['stop']);
    await this.#home.remove();
  }
}
