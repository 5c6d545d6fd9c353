import { defineConfig } from "vitest/config";

/** Tests read sources, not builds: the private condition leads every workspace import to `src`. */
const conditions = ["@millrace/source", "node"];
const ssr = { resolve: { conditions, externalConditions: conditions } };
const project = (name: string, include: string[], timeoutMs: number, serial = false) => ({
  resolve: { conditions },
  ssr,
  test: {
    name,
    include,
    exclude: ["**/node_modules/**", "**/dist/**"],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    fileParallelism: !serial,
  },
});

export default defineConfig({
  resolve: { conditions },
  ssr,
  test: {
    projects: [
      {
        ...project("unit", ["packages/*/src/**/*.test.ts", "test/*.test.ts"], 20_000),
        test: {
          ...project("unit", ["packages/*/src/**/*.test.ts", "test/*.test.ts"], 20_000).test,
          exclude: ["**/node_modules/**", "**/dist/**", "**/*.property.test.ts"],
        },
      },
      project("property", ["packages/*/src/**/*.property.test.ts"], 120_000),
      project("integration", ["test/integration/**/*.test.ts"], 120_000, true),
      project("conformance", ["test/conformance/**/*.test.ts"], 180_000, true),
      project("e2e", ["test/e2e/**/*.test.ts"], 600_000, true),
      project("faults", ["test/faults/**/*.test.ts"], 3_600_000, true),
    ],
  },
});
