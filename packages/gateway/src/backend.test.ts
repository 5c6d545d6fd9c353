import type { MillraceClient } from "@millrace/client";
import { expectTypeOf, it } from "vitest";

import type { GatewayBackend } from "./backend.ts";

it("is what the gRPC client offers, so that AWS callers and native callers take one road", () => {
  expectTypeOf<MillraceClient>().toExtend<GatewayBackend>();
});
