/** Shell completion, made from the command tree itself, so that it cannot go stale. */
import { StreamError } from "@millrace/base";
import type { Command } from "commander";

import { write } from "../output.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;

interface Words {
  /** Words typed so far, without options. */
  readonly path: string;
  readonly next: readonly string[];
}

function collect(command: Command, path: string): readonly Words[] {
  const options = command.options.flatMap((option) => option.long ?? []);
  const words = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
  const next = [...command.commands.map((child) => child.name()), ...words, ...options];
  const below = command.commands.flatMap((child) => collect(child, `${path} ${child.name()}`));
  return [{ path, next }, ...below];
}

/** Prints a script for `bash`, `zsh` or `fish`. */
export function printCompletion(program: Command, shell: string): void {
  const words = collect(program, "millrace");
  if (shell === "bash") return write(bash(words));
  if (shell === "zsh") return write(`autoload -U bashcompinit && bashcompinit\n${bash(words)}`);
  if (shell === "fish") return write(fish(words));
  throw new StreamError("invalid-argument", `shell is ${shell}, but must be bash, zsh or fish`);
}

function bash(words: readonly Words[]): string {
  const cases = words.map(({ path, next }) => `    "${path}") next="${next.join(" ")}" ;;`);
  return `_millrace() {
  local path="" word next=""
  for word in "\${COMP_WORDS[@]:0:COMP_CWORD}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }\${word##*/}" ;; esac
  done
  while [ -n "$path" ]; do
    case "$path" in
${cases.join("\n")}
    esac
    [ -n "$next" ] && break
    case "$path" in *" "*) path="\${path% *}" ;; *) path="" ;; esac
  done
  COMPREPLY=($(compgen -W "$next" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _millrace millrace`;
}

function fish(words: readonly Words[]): string {
  const lines = words.flatMap(({ path, next }) => {
    const typed = path.split(" ").slice(1);
    const condition = typed.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
    const when = condition === "" ? "__fish_use_subcommand" : condition;
    return next.map((word) =>
      word.startsWith("--")
        ? `complete -c millrace -n '${when}' -l ${word.slice(2)}`
        : `complete -c millrace -n '${when}' -a ${word}`,
    );
  });
  return lines.join("\n");
}
