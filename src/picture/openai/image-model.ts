import type { ImageModel, PictureReply, PictureRequest, SendOptions, TurnRequest } from '../port.ts';
import { type Access, makeClient } from './client.ts';
import { readEdit, sendEdit } from './edit.ts';
import type { Endpoint } from './endpoint.ts';
import { explain } from './errors.ts';
import { redact } from './incomplete.ts';
import { Reading } from './reply.ts';
import { sendPatiently } from './retry.ts';
import { readTurn, sendTurn } from './turn.ts';

type Attempt = Parameters<typeof sendEdit>[1];

/** The image model behind OpenAI's API, Azure's, or that of a server that speaks the same protocol. */
export class OpenAiImageModel implements ImageModel {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  get endpoint(): Endpoint['kind'] {
    return this.#access.endpoint.kind;
  }

  edit(request: PictureRequest, options: SendOptions): Promise<PictureReply> {
    return this.#exchange(
      request.model,
      options,
      (attempt) => sendEdit(request, attempt),
      async (response, reading) => ({
        ...(await readEdit(response, request.parameters, reading, options)),
        responseId: null,
      }),
    );
  }

  turn(request: TurnRequest, options: SendOptions): Promise<PictureReply> {
    return this.#exchange(
      request.model,
      options,
      (attempt) => sendTurn(request, attempt),
      (response, reading) => readTurn(response, reading, options),
    );
  }

  /** One request and its reply, under one time-out that covers the body, too. */
  async #exchange(
    model: string,
    options: SendOptions,
    send: (attempt: Attempt) => Promise<Response>,
    read: (response: Response, reading: Reading) => Promise<Omit<PictureReply, 'requestIds'>>,
  ): Promise<PictureReply> {
    const { timeoutMs, interrupted } = options;
    const { endpoint, world } = this.#access;
    const secrets = [endpoint.apiKey];
    const reading = new Reading(secrets);
    let deadline = AbortSignal.timeout(timeoutMs);
    let sent = false;
    const client = makeClient(this.#access, model, () => {
      sent = true;
      options.onSent();
    });
    try {
      const response = await sendPatiently(
        () => {
          deadline = AbortSignal.timeout(timeoutMs);
          // What was refused before any processing is as good as not sent.
          sent = false;
          return send({ client, signal: AbortSignal.any([deadline, interrupted]), timeoutMs });
        },
        options,
        world,
      );
      const requestId = response.headers.get('x-request-id');
      reading.requestIds = requestId === null ? [] : [redact(requestId, secrets)];
      return { ...(await read(response, reading)), requestIds: reading.requestIds };
    } catch (error) {
      throw explain(error, {
        endpoint: this.endpoint,
        timedOut: deadline.aborted,
        interrupted: interrupted.aborted,
        sent,
        timeoutMs,
        arrived: reading.arrived,
        requestIds: reading.requestIds,
        secrets,
        now: world.now(),
      });
    }
  }
}
