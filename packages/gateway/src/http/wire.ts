/** A request and its answer, the same for HTTP/1.1 and HTTP/2, so that nothing behind the port sees a difference. */

export interface WireRequest {
  readonly method: string;
  /** Path without the query, as sent. */
  readonly path: string;
  /** Query without the question mark; empty when there is none. */
  readonly query: string;
  /** By lower-case name; HTTP/2's `:authority` among them. Values of a repeated header are joined by commas. */
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
}

export interface WireReply {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer | string;
}
