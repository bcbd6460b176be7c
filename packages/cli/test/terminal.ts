import { execFile, execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { bareEnvironment, OMNI } from "./process.ts";

const run = promisify(execFile);

/** Whether a terminal can be had here. */
export function hasTmux(): boolean {
  try {
    execFileSync("tmux", ["-V"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A shell in a real terminal, in which `omni` is a function. */
export class Terminal {
  readonly #socket = `omni-${randomUUID()}`;

  /** @param cwd the shell's directory */
  static async open(cwd: string): Promise<Terminal> {
    const terminal = new Terminal();
    const rc = join(cwd, ".terminalrc");
    const omni = OMNI.map((word) => `'${word}'`).join(" ");
    await writeFile(rc, `PS1='$ '\nunset PROMPT_COMMAND HISTFILE\nomni() { ${omni} "$@"; }\n`);
    const env = Object.entries(bareEnvironment({ LANG: "C.UTF-8", TERM: "xterm-256color" })).flatMap(([name, value]) => [
      "-e",
      `${name}=${value}`,
    ]);
    const size = ["-x", "100", "-y", "30"];
    await terminal.#tmux("new-session", "-d", ...size, ...env, "-c", cwd, `bash --noprofile --rcfile ${rc} -i`);
    await terminal.until((screen) => screen.includes("$"));
    return terminal;
  }

  /** Types a line. */
  async type(line: string): Promise<void> {
    await this.#tmux("send-keys", "-l", line);
    await this.press("Enter");
  }

  /** Presses a key, in tmux's names: `C-c`, `Enter`. */
  async press(key: string): Promise<void> {
    await this.#tmux("send-keys", key);
  }

  /** Empties the screen, so that what is seen next is new. */
  async clear(): Promise<void> {
    await this.type("clear");
    await this.until((screen) => screen === "$");
  }

  /** What is to be seen. */
  async screen(): Promise<string> {
    return (await this.#tmux("capture-pane", "-p")).trimEnd();
  }

  /** Waits until the screen shows something. A terminal tells nobody that it changed: it is looked at again and again. */
  async until(shows: (screen: string) => boolean, withinMs = 60_000): Promise<string> {
    const until = performance.now() + withinMs;
    for (;;) {
      const screen = await this.screen();
      if (shows(screen)) return screen;
      if (performance.now() > until) throw new Error(`the terminal does not show what it should:\n${screen}`);
      await delay(50);
    }
  }

  async close(): Promise<void> {
    await this.#tmux("kill-server");
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    const { stdout } = await run("tmux", ["-L", this.#socket, "-f", "/dev/null", ...args], {
      env: bareEnvironment({ LANG: "C.UTF-8" }),
    });
    return stdout;
  }
}
