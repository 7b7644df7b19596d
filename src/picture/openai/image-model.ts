import type { ImageModel, PictureReply, PictureRequest, SendOptions, TurnRequest } from '../port.ts';
import { type Access, makeClient } from './client.ts';
import { readEdit, sendEdit } from './edit.ts';
import type { Endpoint } from './endpoint.ts';
import { explain } from './errors.ts';
import { Reading } from './reply.ts';
import { sendPatiently } from './retry.ts';
import { readTurn, sendTurn } from './turn.ts';

type Attempt = Omit<Parameters<typeof sendEdit>[1], 'client'>;

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
    const client = this.#client(request.model);
    return this.#exchange(
      options,
      (attempt) => sendEdit(request, { client, ...attempt }),
      async (response, reading) => ({
        ...(await readEdit(response, request.parameters, reading, options)),
        responseId: null,
      }),
    );
  }

  turn(request: TurnRequest, options: SendOptions): Promise<PictureReply> {
    const client = this.#client(request.model);
    return this.#exchange(
      options,
      (attempt) => sendTurn(request, { client, ...attempt }),
      (response, reading) => readTurn(response, reading, options),
    );
  }

  #client(model: string): ReturnType<typeof makeClient> {
    return makeClient(this.#access, model);
  }

  /** One request and its reply, under one time-out that covers the body, too. */
  async #exchange(
    options: SendOptions,
    send: (attempt: Attempt) => Promise<Response>,
    read: (response: Response, reading: Reading) => Promise<Omit<PictureReply, 'requestIds'>>,
  ): Promise<PictureReply> {
    const { timeoutMs, interrupted } = options;
    const { endpoint, world } = this.#access;
    const secrets = [endpoint.apiKey];
    const reading = new Reading(secrets);
    let deadline = AbortSignal.timeout(timeoutMs);
    try {
      const response = await sendPatiently(
        () => {
          deadline = AbortSignal.timeout(timeoutMs);
          return send({ signal: AbortSignal.any([deadline, interrupted]), timeoutMs });
        },
        options,
        world,
      );
      const reply = await read(response, reading);
      const requestId = response.headers.get('x-request-id');
      return { ...reply, requestIds: requestId === null ? [] : [requestId] };
    } catch (error) {
      throw explain(error, {
        endpoint: this.endpoint,
        timedOut: deadline.aborted,
        interrupted: interrupted.aborted,
        timeoutMs,
        arrived: reading.arrived,
        secrets,
        now: world.now(),
      });
    }
  }
}
