/** An answer in the API's own error format. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: { readonly error: Record<string, unknown> };
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, error: Record<string, unknown>, headers: Record<string, string> = {}) {
    super(String(error.message));
    this.status = status;
    this.body = { error: { type: 'invalid_request_error', param: null, code: null, ...error } };
    this.headers = headers;
  }
}

/** A value of a request that the API does not take. */
export function invalid(param: string, message: string, code = 'invalid_value'): Refusal {
  return new Refusal(400, { message, param, code });
}
