import { z } from 'zod';
import { UserError } from '../../errors.ts';
import type { Settings } from '../../settings.ts';
import type { World } from '../../world.ts';
import { chooseModel, readImageModels } from '../image-models/image-models.ts';
import { makeClient } from './client.ts';
import { endpointKind, endpointName, endpointOf } from './endpoint.ts';
import { explain } from './errors.ts';

const TIMEOUT_MS = 15_000;

const list = z.object({
  data: z.array(z.looseObject({ id: z.string(), shutdown_date: z.union([z.string(), z.number()]).nullish() })),
});

/** That a model can be asked, as a clause, and what to do before it cannot. */
interface Usable {
  readonly detail: string;
  readonly remedy: string | null;
}

/**
 * Whether the image model of the settings can be asked: is there a key, does the server take it, has it the model, and
 * when does the model end. Sends nothing but the key, and costs nothing.
 * @throws UserError with what is wrong and the next step
 */
export async function checkImageModel(world: Pick<World, 'env' | 'now'>, settings: Settings): Promise<Usable> {
  const kind = endpointKind(settings);
  const key = kind === 'azure' ? settings.azureApiKey : settings.openaiApiKey;
  if (key === undefined) return { detail: 'no key set; only comic and refine need one', remedy: null };
  const { id, notice } = chooseModel(await readImageModels(), settings.imageModel, world.now());
  // Azure lists what could be deployed, not what is.
  if (kind === 'azure') return { detail: `a key is set; ${id}`, remedy: notice };
  const listed = list.safeParse(await fetchModels(world, settings, id));
  if (!listed.success) return { detail: `a key is set; ${id}; the server does not list its models`, remedy: notice };
  const found = listed.data.data.find((model) => model.id === id);
  if (found === undefined) {
    throw new UserError('model_gone', `${endpointName(kind)} does not list ${id} for this key.`, {
      hint: 'Name another in CURATE_IMAGE_MODEL; "curate model list --image" shows those that curate knows.',
    });
  }
  const ends = dayOf(found.shutdown_date ?? null);
  if (ends === null) return { detail: `the key is accepted; ${id}`, remedy: notice };
  if (ends <= world.now().toISOString().slice(0, 10)) {
    throw new UserError('model_gone', `The model ${id} ended on ${ends}.`, {
      hint: 'Name another in CURATE_IMAGE_MODEL; "curate model list --image" shows those that curate knows.',
    });
  }
  return {
    detail: `the key is accepted; ${id} ends on ${ends}`,
    remedy:
      'Name another in CURATE_IMAGE_MODEL before that; "curate model list --image" shows those that curate knows.',
  };
}

/** GET /models. @throws UserError */
async function fetchModels(world: Pick<World, 'env' | 'now'>, settings: Settings, model: string): Promise<unknown> {
  const endpoint = endpointOf(settings);
  const client = makeClient({ endpoint, settings, world }, model, () => undefined);
  const deadline = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await client.models.list({ signal: deadline, timeout: TIMEOUT_MS }).asResponse();
    return await response.json().catch(() => null);
  } catch (error) {
    throw explain(error, {
      endpoint: endpoint.kind,
      timedOut: deadline.aborted,
      interrupted: false,
      sent: false,
      timeoutMs: TIMEOUT_MS,
      arrived: [],
      requestIds: [],
      secrets: [endpoint.apiKey],
      now: world.now(),
    });
  }
}

/** A date as the API writes it: "2026-12-01", with a time or not, or seconds since 1970. */
function dayOf(date: string | number | null): string | null {
  if (date === null) return null;
  const time = new Date(typeof date === 'number' ? date * 1000 : date);
  return Number.isNaN(time.getTime()) ? null : time.toISOString().slice(0, 10);
}
