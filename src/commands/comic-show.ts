import { join } from 'node:path';
import { writeJson, writeLine } from '../output/streams.ts';
import { bytes } from '../output/text.ts';
import { dollars } from '../picture/cost.ts';
import type { World } from '../world.ts';
import type { Agreed } from './comic-agree.ts';
import type { Saved } from './comic-save.ts';
import { ExitCode } from './exit-code.ts';

/** A request that was answered. */
export interface Sent extends Agreed {
  readonly saved: readonly Saved[];
  readonly usage: unknown;
  readonly actualUsd: number | null;
}

interface Shown {
  readonly verb: 'comic' | 'refine' | 'replay';
  readonly json: boolean;
}

/** The paths of the pictures on standard output; size, cost and lineage beside them on standard error. */
export function showSent(world: World, sent: Sent, { verb, json }: Shown): ExitCode {
  const { saved, usage, actualUsd, fitted } = sent;
  const { estimate } = fitted;
  const cost = { estimatedUsd: estimate.usd, actualUsd };
  if (json) {
    writeJson(world, {
      schema: `curate.${verb}/1`,
      pictures: saved.map(({ lineage, ...picture }) => picture),
      lineage: saved.map(({ lineage }) => lineage),
      ...aboutRequest(sent),
      usage,
      cost,
      dryRun: false,
    });
    return ExitCode.done;
  }
  for (const { path, width, height, bytes: size, lineage } of saved) {
    writeLine(world.stdout, path);
    writeLine(world.stderr, `${width}x${height}, ${bytes(size)}; how it was made: ${lineage}`);
  }
  const estimated = estimate.usd === null ? '' : ` (estimated ${dollars(estimate.usd)})`;
  const unknown =
    usage === null ? 'unknown: the reply does not say' : 'unknown: neither the reply nor the price table tells';
  writeLine(world.stderr, `Cost: ${actualUsd === null ? unknown : dollars(actualUsd)}${estimated}`);
  return ExitCode.done;
}

/** The page of a dry run on standard output. */
export function showRehearsed(world: World, agreed: Agreed, folder: string, { verb, json }: Shown): ExitCode {
  if (json) {
    writeJson(world, {
      schema: `curate.${verb}/1`,
      pictures: [],
      lineage: [],
      ...aboutRequest(agreed),
      usage: null,
      cost: { estimatedUsd: agreed.fitted.estimate.usd, actualUsd: null },
      dryRun: true,
      folder,
    });
  } else {
    writeLine(world.stderr, 'Nothing was sent. The page that shows it all:');
    writeLine(world.stdout, join(folder, 'index.html'));
  }
  return ExitCode.done;
}

function aboutRequest({ references, unused, plan, text, fitted }: Agreed): Record<string, unknown> {
  return {
    references: [
      ...references.map(({ reference, role, score, reason }) => ({
        path: reference.file,
        role,
        score,
        used: true,
        reason,
      })),
      ...unused.map(({ file, score, reason }) => ({ path: file, role: 'reference', score, used: false, reason })),
    ],
    model: plan.model.id,
    text,
    dropped: fitted.dropped,
  };
}
