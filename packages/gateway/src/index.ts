export type { OpenSecret } from "./auth/credentials.ts";
export type {
  CreateStreamOrder,
  GatewayAdmin,
  GatewayBackend,
  GatewayPage,
  GatewayProducer,
  GatewayPutOutcome,
  GatewayReader,
  StreamOrder,
} from "./backend.ts";
export { createGateway, GATEWAY_LIMITS } from "./gateway.ts";
export type { Gateway, GatewayLimits, GatewayOptions } from "./gateway.ts";
