import { type CommandSpec, defineCommand } from "../command.ts";

/** The commands that are for the shell. */
export const shellCommands: readonly CommandSpec[] = [
  defineCommand({
    name: "completion",
    heading: "Setting up",
    summary: "Print the completion script of a shell",
    description: "Completes commands, flags and their values, configured names, and the folders of stores.",
    arguments: [{ name: "<shell>", about: "bash, zsh or fish", choices: ["bash", "zsh", "fish"] }],
    options: {},
    examples: [
      { command: 'eval "$(omni completion bash)"', about: "in ~/.bashrc; zsh alike in ~/.zshrc" },
      { command: "omni completion fish > ~/.config/fish/completions/omni.fish", about: "fish" },
    ],
    load: () => import("./completion.ts"),
  }),
];
