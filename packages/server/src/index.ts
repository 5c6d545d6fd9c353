export { runNode } from "./run-node.ts";
export type { NodePortNumbers } from "./registration.ts";
export type { RunningNode } from "./run-node.ts";
export { readSettings } from "./settings-sources.ts";
export type { SettingSources } from "./settings-sources.ts";
export { describeSettings } from "./settings.ts";
export type { SettingName, Settings } from "./settings.ts";
export { VERSION } from "./version.ts";
