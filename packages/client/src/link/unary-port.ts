/** One unary call to one address; all ways to fail are `StreamError`s. */
export interface UnaryMethod<Request, Reply> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Reply;
}

export interface UnaryPort {
  /** @throws StreamError; `unavailable` only when nothing can have been done there. */
  call<Request, Reply>(
    address: string,
    method: UnaryMethod<Request, Reply>,
    request: Request,
    timeoutMs: number,
  ): Promise<Reply>;
}
