import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Finished, Home, repository } from '../support/cli.ts';
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

  /** Makes the data folder of a CURATE_HOME, with the kept environment in it. */
  async prepare(curateHome = this.at('home')): Promise<void> {
    await mkdir(PYTHON, { recursive: true });
    await mkdir(join(curateHome, 'data'), { recursive: true });
    await symlink(PYTHON, join(curateHome, 'data', 'python'));
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

  /** Ends the embedded server and removes it all. */
  async remove(): Promise<void> {
    await this.run(['stop']);
    await this.#home.remove();
  }
}
