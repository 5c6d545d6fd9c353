import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import type { ClusterFile } from "./cluster-file.ts";
import { environmentLines, readClusterFile, writeClusterFile } from "./cluster-file.ts";
import { findTarget } from "./connect.ts";

const directory = mkdtempSync(join(tmpdir(), "millrace-cluster-file-"));
afterAll(() => rmSync(directory, { recursive: true }));

const CLUSTER: ClusterFile = {
  formatVersion: 1,
  clusterId: "c",
  account: "000000000000",
  region: "eu-x 1",
  accessKeyId: "KEY",
  secretAccessKey: "SECRET",
  endpoints: ["127.0.0.1:1", "127.0.0.1:2"],
  awsEndpoint: "http://127.0.0.1:4566",
  limits: "aws",
  nodes: [],
};

describe("the record of a local cluster", () => {
  it("comes back as it was written, for its owner's eyes alone", () => {
    writeClusterFile(directory, CLUSTER);
    expect(readClusterFile(directory)).toEqual(CLUSTER);
    expect(statSync(join(directory, "cluster.json")).mode & 0o777).toBe(0o600);
  });

  it("gives lines that a shell takes literally", () => {
    expect(environmentLines(CLUSTER)).toContain("export AWS_REGION='eu-x 1'");
    expect(environmentLines(CLUSTER)).toContain("export AWS_ACCESS_KEY_ID=KEY");
  });

  it("lends its key to endpoints that are given beside it", () => {
    writeClusterFile(directory, CLUSTER);
    expect(findTarget({ data: directory, endpoints: "a:1, b:2" })).toEqual({
      endpoints: ["a:1", "b:2"],
      accessKeyId: "KEY",
      secret: "SECRET",
      region: "eu-x 1",
    });
    expect(() => findTarget({ data: directory, endpoints: "nowhere" })).toThrow(
      '--endpoints has "nowhere", but each must be host:port',
    );
  });

  it("is refused by name when it is damaged or of a later version", () => {
    writeFileSync(join(directory, "cluster.json"), "{");
    expect(() => readClusterFile(directory)).toThrow("cluster.json is damaged: it is not JSON");
    writeFileSync(join(directory, "cluster.json"), '{"formatVersion":2}');
    expect(() => readClusterFile(directory)).toThrow("has format version 2");
  });
});
