import { existsSync, writeSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withDirectory } from "./process.ts";
import { hasTmux, Terminal } from "./terminal.ts";

// Each run is a process of its own, and machines may be busy.
const TIME_MS = 300_000;

const available = hasTmux();
if (!available) writeSync(2, "skipped: omni in a terminal (tmux is not installed; apt-get install tmux)\n");

async function inTerminal(use: (terminal: Terminal, cwd: string) => Promise<void>): Promise<void> {
  await withDirectory(async (cwd) => {
    const terminal = await Terminal.open(cwd);
    try {
      await use(terminal, cwd);
    } finally {
      await terminal.close();
    }
  });
}

async function photos(cwd: string, count: number, bytes: number): Promise<void> {
  await mkdir(join(cwd, "photos"));
  for (let i = 1; i <= count; i++)
    await writeFile(join(cwd, "photos", `${String(i).padStart(2, "0")}.jpg`), Buffer.alloc(bytes, i));
}

// A missing terminal is said above, where it is seen.
(available ? describe : describe.skip)("omni in a terminal", () => {
  test(
    "sync shows its bar, ends at Ctrl-C, says how to go on, and goes on",
    () =>
      inTerminal(async (terminal, cwd) => {
        await photos(cwd, 24, 256 * 1024);
        await terminal.type("omni sync photos backup --transfers 2 --bwlimit 700K");
        const moving = await terminal.until(
          (screen) => /sync {2}[█░]{24} +\d+% .* of [\d.]+ MiB .*\/s .* left/.test(screen) && /[4-9] of 24 objects/.test(screen),
        );
        expect(moving).toMatch(/^ {2}\d+\.jpg {2}[█░]{24}/m);
        await terminal.press("C-c");
        const ended = await terminal.until((screen) => screen.includes("interrupted") && screen.trimEnd().endsWith("$"));
        expect(ended).toMatch(
          /omni: interrupted\n {2}\d+ of 24 objects are copied; they are not copied again\.\n {2}To go on: omni sync photos backup --transfers 2 --bwlimit 700K\n/,
        );
        expect(ended).not.toMatch(/[█░]/);
        await terminal.type("echo code $?");
        await terminal.until((screen) => screen.includes("code 130"));
        await terminal.clear();
        await terminal.type("omni sync photos backup");
        const resumed = await terminal.until((screen) => /sync: \d+ copied, \d+ same/.test(screen));
        const [, copied, same] = /sync: (\d+) copied, (\d+) same/.exec(resumed) ?? [];
        expect(Number(copied) + Number(same)).toBe(24);
        expect(Number(same)).toBeGreaterThanOrEqual(4);
      }),
    TIME_MS,
  );

  test(
    "what deletes asks first: no is the default, yes does it, Ctrl-C ends",
    () =>
      inTerminal(async (terminal, cwd) => {
        await photos(cwd, 3, 10);
        await terminal.type("omni rm -r photos");
        await terminal.until((screen) => /Delete 3 objects \(30 B\) below file:.*\/photos\? \[y\/N\]/.test(screen));
        await terminal.press("Enter");
        await terminal.until((screen) => screen.includes("nothing was changed"));
        await terminal.clear();
        await terminal.type("omni rm -r photos");
        await terminal.until((screen) => screen.includes("[y/N]"));
        await terminal.press("C-c");
        await terminal.until((screen) => screen.includes("omni: interrupted"));
        await terminal.type("echo code $?");
        await terminal.until((screen) => screen.includes("code 130"));
        expect(existsSync(join(cwd, "photos/01.jpg"))).toBe(true);
        await terminal.clear();
        await terminal.type("omni rm -r photos");
        await terminal.until((screen) => screen.includes("[y/N]"));
        await terminal.type("y");
        await terminal.until((screen) => screen.includes("3 objects deleted"));
        expect(existsSync(join(cwd, "photos/01.jpg"))).toBe(false);
      }),
    TIME_MS,
  );

  test(
    "names cannot drive the terminal",
    () =>
      inTerminal(async (terminal, cwd) => {
        await mkdir(join(cwd, "odd"));
        await writeFile(join(cwd, "odd", "\u001b[2Jgone\u0007"), "x");
        await terminal.type("omni ls odd");
        await terminal.until((screen) => screen.includes("\\x1b[2Jgone\\x07"));
      }),
    TIME_MS,
  );
});
