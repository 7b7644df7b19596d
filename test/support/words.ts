import { loadCatalogue } from '../../src/embedding/catalogue.ts';
import { resolveModel } from '../../src/embedding/models.ts';
import type { EmbeddingModel } from '../../src/embedding/port.ts';
import { loadSettings } from '../../src/settings.ts';
import { testWorld } from './world.ts';

/** A model that comes with curate. `home`: a folder for what is cached. */
export async function bundledModel(id: string, home: string): Promise<EmbeddingModel> {
  const world = testWorld({ env: { CURATE_HOME: home } });
  return await resolveModel(world, loadSettings(world), id);
}

/** The ids of the models that know words. */
export async function modelsWithWords(): Promise<string[]> {
  return (await loadCatalogue()).models.filter(({ words }) => words !== null).map(({ id }) => id);
}
