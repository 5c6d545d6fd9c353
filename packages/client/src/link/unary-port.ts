/** One unary call to one address; all ways to fail are `StreamError`s. */
import type { ControlMethod } from "@millrace/rpc";

export interface UnaryPort {
  /** @throws StreamError; `unavailable` only when nothing can have been done there. */
  call<Request, Reply>(
    address: string,
    method: ControlMethod<Request, Reply>,
    request: Request,
    timeoutMs: number,
  ): Promise<Reply>;
}
