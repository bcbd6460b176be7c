import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { withCompression } from "@omni/codec";
import { createBackend, wrap } from "@omni/core";
import { file } from "@omni/file";
import { memory } from "@omni/memory";
import { fanOut } from "../fan-out.ts";
import { linesOf, type Progress, runJob, summarise } from "../pipeline.ts";

const run = promisify(execFile);
const script = (name: string): string[] => [
  "--conditions=@omni/source",
  "--no-warnings",
  fileURLToPath(new URL(`../${name}`, import.meta.url)),
];

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "omni-pipeline-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A repository with commits of our own, so that the test knows what the log holds. */
function makeRepository(root: string, subjects: readonly string[]): void {
  const git = (...args: string[]): void => {
    execFileSync(
      "git",
      ["-C", root, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false", ...args],
      { stdio: "pipe" },
    );
  };
  git("init", "--quiet");
  for (const subject of subjects) git("commit", "--quiet", "--allow-empty", "--date=2024-05-06T07:08:09Z", "-m", subject);
}

async function recordsIn(root: string): Promise<unknown[]> {
  const stored = withCompression(file({ root }), "zstd");
  const text = await (await stored.read("log.ndjson.zst")).text();
  await stored.close();
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
}

describe("the pipeline", () => {
  it("reads, transforms, compresses and stores the log of a repository, as its command does", async () => {
    const repository = await mkdtemp(join(folder, "repository-"));
    makeRepository(repository, ["First", "Second one", "Third"]);
    const result = join(folder, "result");
    const { stdout } = await run(process.execPath, [...script("pipeline.ts"), repository, result], {
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    expect(stdout).toMatch(/^3 lines read, 3 records, \d+ bytes, \d+ bytes stored in .*log\.ndjson\.zst\n$/);
    const records = await recordsIn(result);
    expect(records).toEqual(
      [5, 10, 5].map((subjectLength) => ({
        id: expect.stringMatching(/^[0-9a-f]{40}$/),
        author: "Ada",
        date: expect.stringMatching(/^2024-05-06T07:08:09(Z|\+00:00)$/),
        subjectLength,
        hour: 7,
      })),
    );
  });

  it("takes any NDJSON file and tells how far each stage is", async () => {
    const path = join(folder, "events.ndjson");
    const lines = Array.from({ length: 5000 }, (_, id) =>
      JSON.stringify({ id, subject: "x".repeat(id % 50), date: "2024-01-01T12:00:00Z" }),
    );
    await writeFile(path, `${lines.join("\n")}\n\n`);
    const seen: Progress[] = [];
    const destination = memory();
    const { info, progress } = await runJob({
      lines: linesOf(path),
      transform: summarise,
      destination,
      path: "out",
      onProgress: (now) => seen.push({ ...now }),
    });
    expect(progress).toMatchObject({ read: 5001, transformed: 5000 });
    expect(seen.some(({ read, transformed, storedBytes }) => read < 5001 && transformed > 0 && storedBytes > 0)).toBe(true);
    expect((await destination.stat("out")).contentEncoding).toBe("zstd");
    const text = await (await withCompression(destination, "zstd").read("out")).text();
    expect(Buffer.byteLength(text)).toBe(progress.storedBytes);
    expect(info.size).toBeLessThan(progress.storedBytes / 5);
    expect(text.trimEnd().split("\n")).toHaveLength(5000);
  });

  it("stores nothing when a stage fails, whichever it is", async () => {
    const destination = memory();
    await destination.write("out", "old");
    async function* broken(): AsyncGenerator<string> {
      for (let id = 0; id < 500; id++) yield JSON.stringify({ id });
      throw new Error("the source broke");
    }
    async function* good(): AsyncGenerator<string> {
      for (let id = 0; id < 5000; id++) yield JSON.stringify({ id });
    }
    await expect(runJob({ lines: broken(), transform: summarise, destination, path: "out" })).rejects.toThrow("the source broke");
    const transform = (line: string): string => {
      if (line.includes("2500")) throw new Error("the transform broke");
      return line;
    };
    await expect(runJob({ lines: good(), transform, destination, path: "out" })).rejects.toThrow("the transform broke");
    const write = async (_path: string, body: unknown): Promise<never> => {
      for await (const _chunk of body as AsyncIterable<Uint8Array>) break;
      throw new Error("the store broke");
    };
    const failing = createBackend(wrap(memory().driver, { write }));
    await expect(runJob({ lines: good(), transform: summarise, destination: failing, path: "out" })).rejects.toThrow(
      "the store broke",
    );
    await expect(
      runJob({ lines: linesOf(join(folder, "missing")), transform: summarise, destination, path: "out" }),
    ).rejects.toThrow("ENOENT");
    expect(await (await destination.read("out")).text()).toBe("old");
  });
});

describe("the fan-out", () => {
  it("brings every event to every subscriber, in order, and leaves no channel open", async () => {
    const events = Array.from({ length: 100 }, (_, number) => `event ${number}`);
    const { received, reports, open } = await fanOut(5, events);
    expect(received).toEqual(Array.from({ length: 5 }, () => events));
    expect(reports.every(({ delivered, dropped, channels }) => delivered === 5 && dropped === 0 && channels === 5)).toBe(true);
    expect(open).toBe(0);
  });

  it("runs as a command", async () => {
    const { stdout } = await run(process.execPath, [...script("fan-out.ts"), "2", "2"], {
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    expect(stdout).toBe(
      "subscriber/0: event 1, event 2\nsubscriber/1: event 1, event 2\n2 broadcasts, 4 delivered, 0 channels open\n",
    );
  });
});
