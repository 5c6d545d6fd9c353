/**
 * Forms a cluster, once, from a fixed list of voters.
 *
 * Every voter gets the same list with the incarnations that were read from their disks, so a node
 * whose disk was swapped in between is noticed, and repeating the order changes nothing.
 */
import { randomBytes } from "node:crypto";

import { StreamError } from "@millrace/base";
import { CLUSTER_KEY_ID } from "@millrace/model";
import type { StatusResponse as NodeStatus } from "@millrace/proto";

import { MillraceClient } from "../client.ts";
import { nodePorts } from "../node-ports.ts";
import { clusterSecret, SEALED, SecretBox } from "../secret-box.ts";

const ANSWER_DEADLINE_MS = 10_000;

export interface Voter {
  readonly nodeId: number;
  /** rpc address, `host:port`. */
  readonly rpc: string;
  readonly data: string;
  readonly admin: string;
}

export interface ClusterInit {
  readonly voters: readonly Voter[];
  readonly account: string;
  readonly region: string;
  /** `aws`, `unlimited`, or `custom` followed by JSON. */
  readonly limits: string;
  readonly clusterSecretFile: string;
}

export interface FormedCluster {
  readonly clusterId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** @throws StreamError `wrong-state` when a voter belongs to a cluster already, `unavailable` when one does not answer. */
export async function formCluster(init: ClusterInit): Promise<FormedCluster> {
  requireOddVoters(init.voters);
  const secret = clusterSecret(init.clusterSecretFile);
  const box = new SecretBox(secret);
  const formed: FormedCluster = {
    clusterId: randomBytes(16).toString("hex"),
    accessKeyId: `MR${upperText(18)}`,
    secretAccessKey: randomBytes(30).toString("base64url"),
  };
  const client = new MillraceClient({
    ...nodePorts(),
    endpoints: init.voters.map((voter) => voter.rpc),
    credentials: { accessKeyId: CLUSTER_KEY_ID, secret, region: init.region },
    scope: "internal",
  });
  try {
    const statuses = await Promise.all(init.voters.map((voter) => statusOf(client, voter)));
    const request = {
      clusterId: formed.clusterId,
      voters: init.voters.map((voter, index) => ({
        nodeId: voter.nodeId,
        incarnation: statuses[index]?.incarnation ?? "",
        replicaId: index + 1,
        addresses: { rpc: voter.rpc, data: voter.data, admin: voter.admin, aws: "" },
      })),
      account: init.account,
      region: init.region,
      accessKeyId: formed.accessKeyId,
      sealedSecret: box.seal(
        SEALED.accessKey(formed.accessKeyId),
        Buffer.from(formed.secretAccessKey),
      ),
      limits: init.limits,
      sealedTokenKey: box.seal(SEALED.tokenKey, randomBytes(32)),
      createdAtMs: Date.now(),
    };
    for (const voter of init.voters) await client.admin.formCluster(voter.rpc, request);
    await client.ready(ANSWER_DEADLINE_MS);
  } finally {
    await client.close();
  }
  return formed;
}

async function statusOf(client: MillraceClient, voter: Voter): Promise<NodeStatus> {
  const status = await client.admin.nodeStatus(voter.rpc, ANSWER_DEADLINE_MS);
  if (status.nodeId !== voter.nodeId) {
    throw new StreamError(
      "invalid-argument",
      `voter ${voter.nodeId} at ${voter.rpc} says that it is node ${status.nodeId}`,
    );
  }
  if (status.clusterId !== "") {
    throw new StreamError(
      "wrong-state",
      `node ${voter.nodeId} at ${voter.rpc} belongs to cluster ${status.clusterId} already`,
    );
  }
  return status;
}

function requireOddVoters(voters: readonly Voter[]): void {
  if (voters.length % 2 === 1 && voters.length <= 7) return;
  throw new StreamError(
    "invalid-argument",
    `a cluster has 1, 3, 5 or 7 voters, not ${voters.length}: an even number survives no more failures than one less`,
  );
}

/** Upper-case letters and digits, as access key ids are made of. */
function upperText(length: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  return Array.from(randomBytes(length), (byte) => alphabet[byte & 31]).join("");
}
