import { createHash, randomUUID } from 'node:crypto';
import type { Lineage } from '../../src/picture/lineage/lineage.ts';

/** A lineage as comic writes it. */
export function lineage(overrides: Partial<Lineage> = {}): Lineage {
  return {
    schema: 'curate.lineage/1',
    created: '2026-11-23T10:00:10.000Z',
    curate: '0.1.0',
    verb: 'comic',
    prompt: 'a comic',
    text: 'a comic',
    model: 'gpt-image-2',
    endpoint: 'openai',
    api: 'images.edit',
    conversationModel: null,
    previousResponseId: null,
    parameters: { size: '1024x1024', quality: 'low', n: 1, output_format: 'png' },
    references: [],
    parent: null,
    request: { id: randomUUID(), started: '2026-11-23T10:00:00.000Z', seconds: 10 },
    requestIds: ['req_1'],
    responseIds: [],
    usage: null,
    cost: { estimatedUsd: 0.01, actualUsd: 0.012 },
    picture: pictureOf('a picture', 'a-comic.png'),
    ...overrides,
  };
}

export function pictureOf(content: string, path: string): Lineage['picture'] {
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { path, sha256, bytes: Buffer.byteLength(content), width: 1024, height: 1024 };
}
