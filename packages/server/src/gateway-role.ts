/** The gateway of a process: the AWS port in front of the client. */
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";

import type { Clock, Logger, Metrics } from "@millrace/base";
import { StreamError } from "@millrace/base";
import type { MillraceClient, SecretBox } from "@millrace/client";
import type { Gateway } from "@millrace/gateway";
import { createGateway } from "@millrace/gateway";

import type { Settings } from "./settings.ts";
import { withFile } from "./system-errors.ts";

export interface GatewayRoleOptions {
  readonly settings: Settings;
  readonly client: MillraceClient;
  readonly box: SecretBox;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export async function startGateway(options: GatewayRoleOptions): Promise<Gateway> {
  const { settings, client, box, clock, logger, metrics } = options;
  const tls = tlsOf(settings);
  return createGateway({
    backend: client,
    host: settings.bindAddress,
    port: settings.awsPort,
    clock,
    logger,
    metrics,
    // Latin-1 keeps every byte, so that a key of random bytes passes as text.
    openSecret: (sealed, label) =>
      box.open(label, Buffer.from(sealed, "base64")).toString("latin1"),
    limits: { putMs: settings.putDeadlineMs },
    ...(tls === undefined ? {} : { tls }),
  });
}

function tlsOf({ awsTlsCertFile, awsTlsKeyFile }: Settings) {
  if (awsTlsCertFile === "" && awsTlsKeyFile === "") return undefined;
  if (awsTlsCertFile === "" || awsTlsKeyFile === "") {
    throw new StreamError(
      "invalid-argument",
      "awsTlsCertFile and awsTlsKeyFile go together: one of them is empty",
    );
  }
  const tls = {
    cert: withFile("awsTlsCertFile", awsTlsCertFile, () => readFileSync(awsTlsCertFile, "utf8")),
    key: withFile("awsTlsKeyFile", awsTlsKeyFile, () => readFileSync(awsTlsKeyFile, "utf8")),
  };
  // OpenSSL's own error would name neither file.
  withFile("awsTlsCertFile", awsTlsCertFile, () => createSecureContext({ cert: tls.cert }));
  withFile("awsTlsKeyFile", awsTlsKeyFile, () => createSecureContext(tls));
  return tls;
}
