import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** One commit, as the pipeline reads it. */
export interface Commit {
  readonly id: string;
  readonly author: string;
  readonly date: string;
  readonly subject: string;
}

/**
 * The history of a git repository as lines of NDJSON, newest first.
 *
 * @throws Error with what git says, when the folder is no repository
 */
export async function* gitLog(folder: string): AsyncGenerator<string> {
  const format = ["%H", "%an", "%aI", "%s"].join("%x1f");
  const git = spawn("git", ["-C", folder, "log", `--format=${format}`], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(git, "close");
  let complaint = "";
  git.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  try {
    for await (const line of createInterface({ input: git.stdout })) {
      const [id = "", author = "", date = "", subject = ""] = line.split("\u001f");
      yield JSON.stringify({ id, author, date, subject } satisfies Commit);
    }
    const [exitCode] = await ended;
    if (exitCode !== 0) throw new Error(`git log in ${folder}: ${complaint.trim()}`);
  } finally {
    git.kill();
  }
}
