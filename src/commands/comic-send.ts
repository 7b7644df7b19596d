import { writeDryRun } from '../output/dry-run.ts';
import type { DryRun } from '../output/dry-run-page.ts';
import { announce, type Unused } from '../output/picture-report.ts';
import { drawPicture } from '../output/picture-terminal.ts';
import { writeLine } from '../output/streams.ts';
import { endpointKind, endpointOf } from '../picture/endpoint.ts';
import { IncompleteReply } from '../picture/failure.ts';
import type { Outlet } from '../picture/outlet.ts';
import { apiParameters } from '../picture/parameters.ts';
import { type Plan, sentName } from '../picture/plan.ts';
import type { ImageModel, PictureReply, SendOptions } from '../picture/port.ts';
import type { PrivateGuard } from '../picture/private-files.ts';
import type { Settings } from '../settings.ts';
import { version } from '../version.ts';
import type { World } from '../world.ts';
import { type Agreed, keepBudget } from './comic-agree.ts';
import { confirmSpending } from './comic-confirm.ts';
import type { Destination } from './comic-destination.ts';
import { demandPublic } from './comic-guard.ts';
import type { SendFlags } from './comic-options.ts';
import { keepArrived, saveReply } from './comic-save.ts';
import { type Sent, showRehearsed, showSent } from './comic-show.ts';
import type { ExitCode } from './exit-code.ts';

/** What is needed to bring a plan about. */
export interface Sender {
  readonly world: World;
  readonly settings: Settings;
  readonly flags: SendFlags;
  readonly destination: Destination;
  /** The rules as they stand when it is called. */
  freshGuard(): Promise<PrivateGuard>;
}

interface Means extends Omit<Sender, 'destination'> {
  readonly outlet: Outlet;
}

/**
 * Keeps the budget and says what goes where; then rehearses it, or asks, sends, and writes what comes back.
 * @param rigid nothing may be dropped or lowered for the budget
 */
export async function bringAbout(
  sender: Sender,
  plan: Plan,
  { unused, rigid }: { readonly unused: readonly Unused[]; readonly rigid: boolean },
): Promise<ExitCode> {
  const { world, settings, flags, destination } = sender;
  const agreed = await keepBudget(plan, unused, { maxCost: settings.maxCost, rigid });
  await demandAllPublic(sender, agreed);
  say(sender, agreed);
  const shown = { verb: plan.verb, json: flags.json ?? false };
  if (destination.kind === 'outlet') {
    return showSent(world, await send({ ...sender, outlet: destination.outlet }, agreed), shown);
  }
  const folder = await rehearse(sender, agreed, destination.folder);
  return showRehearsed(world, agreed, folder, shown);
}

async function send(means: Means, agreed: Agreed): Promise<Sent> {
  const { world, settings, flags } = means;
  await confirmSpending(world, agreed.fitted.estimate, flags, settings.maxCost);
  // The rules may have changed while the question stood.
  await demandAllPublic(means, agreed);
  const { OpenAiImageModel } = await import('../picture/openai.ts');
  const endpoint = endpointOf(settings);
  const model = new OpenAiImageModel({ endpoint, settings, noProxy: world.env.NO_PROXY ?? world.env.no_proxy });
  const started = world.now();
  try {
    const reply = await request(model, agreed, sendOptions(means));
    const { saved, actualUsd } = await saveReply(means, agreed, { reply, started, endpoint: endpoint.kind });
    return { ...agreed, saved, usage: reply.usage, actualUsd };
  } catch (error) {
    if (error instanceof IncompleteReply) throw await keepArrived(means, agreed, error);
    throw error;
  }
}

/** What counts is where the bytes come from. @throws UserError `private` */
async function demandAllPublic({ freshGuard }: Pick<Sender, 'freshGuard'>, { references }: Agreed): Promise<void> {
  const guard = await freshGuard();
  for (const { reference } of references) demandPublic(guard, reference.file);
}

/** Writes the folder of a dry run. */
function rehearse({ world, settings, flags }: Sender, agreed: Agreed, folder: string | null): Promise<string> {
  const { plan, text, parameters, references, unused, fitted } = agreed;
  const run: DryRun = {
    verb: plan.verb,
    created: world.now().toISOString(),
    curate: version(),
    endpoint: endpointKind(settings),
    api: plan.conversation === null ? 'images.edit' : 'responses',
    model: plan.model.id,
    prompt: plan.prompt,
    text,
    parameters: apiParameters(parameters),
    references,
    unused,
    estimate: fitted.estimate,
    dropped: fitted.dropped,
  };
  return writeDryRun(run, { cwd: world.cwd, out: folder, force: flags.force ?? false });
}

function say({ world, settings, flags }: Pick<Sender, 'world' | 'settings' | 'flags'>, agreed: Agreed): void {
  const { plan, fitted, references, unused } = agreed;
  if (plan.model.notice !== null) writeLine(world.stderr, plan.model.notice);
  announce(world, {
    endpoint: endpointKind(settings),
    model: plan.model.id,
    parameters: plan.parameters,
    references,
    unused,
    fitted,
    previousResponseId: plan.conversation?.previousResponseId ?? null,
    dryRun: flags.dryRun ?? false,
  });
}

function request(
  model: ImageModel,
  { plan, text, parameters, references }: Agreed,
  options: SendOptions,
): Promise<PictureReply> {
  const pictures = references.map(({ reference }, i) => ({ name: sentName(i), bytes: reference.bytes }));
  const made = { model: plan.model.id, text, pictures, parameters };
  if (plan.conversation === null) return model.edit(made, options);
  const { model: conversationModel, previousResponseId } = plan.conversation;
  return model.turn({ ...made, conversationModel, previousResponseId }, options);
}

function sendOptions({ world, flags, outlet }: Means): SendOptions {
  return {
    retries: flags.retries,
    timeoutMs: flags.timeout * 1000,
    interrupted: world.interrupted,
    onWait: (seconds) =>
      writeLine(world.stderr, `The server asks to wait ${Math.ceil(seconds)} s; then it is asked again.`),
    onPartial: async (bytes, index) => {
      const { formatOf } = await import('../picture/decode.ts');
      const format = formatOf(bytes);
      const file = await outlet.extra(`partial-${index + 1}`, format === 'jpeg' ? 'jpg' : (format ?? 'bin'), bytes);
      writeLine(world.stderr, `Partial picture ${index + 1}: ${file}`);
      await drawPicture(world, bytes);
    },
  };
}
