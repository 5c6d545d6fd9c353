/**
 * The directives of configuration-change scenarios.
 *
 * Source: etcd-raft v3.7 `confchange` and its testdata.
 */
import { ConfChanger, type ConfigAndProgress } from "../conf-change.ts";
import { RaftError } from "../errors.ts";
import { progressMapToString } from "../progress.ts";
import { configToString, ProgressTracker } from "../progress-tracker.ts";
import type { ScenarioCase, ScenarioHandler } from "./datadriven.ts";
import { parseConfChanges } from "./interaction-runner.ts";

/** A handler with a configuration of its own, for one file. */
export function confChangeHandler(): ScenarioHandler {
  const tracker = new ProgressTracker(10, 0);
  let lastIndex = 0;
  return (one) => {
    try {
      const made = change(new ConfChanger(tracker, lastIndex), one);
      if (made === undefined) return "unknown command";
      tracker.config = made.config;
      tracker.progress = made.progress;
      return `${configToString(made.config)}\n${progressMapToString(made.progress)}`;
    } catch (error) {
      if (error instanceof RaftError) return `${error.message}\n`;
      throw error;
    } finally {
      lastIndex += 1; // so that `next` shows in which step a progress was made
    }
  };
}

function change(changer: ConfChanger, one: ScenarioCase): ConfigAndProgress | undefined {
  const changes = parseConfChanges(one.input);
  switch (one.command) {
    case "simple":
      return changer.simple(changes);
    case "enter-joint": {
      const autoLeave = one.args.find((arg) => arg.key === "autoleave")?.values[0] === "true";
      return changer.enterJoint(autoLeave, changes);
    }
    case "leave-joint":
      if (changes.length > 0)
        throw new RaftError("invalid-conf-change", "this command takes no input");
      return changer.leaveJoint();
    default:
      return undefined;
  }
}
