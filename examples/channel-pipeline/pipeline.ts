// A data job in three stages that run at once: read lines, transform each, compress and store the result.
//   node --conditions=@omni/source pipeline.ts [repository or NDJSON file] [folder for the result]

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { type ChannelBackend, channel } from "@omni/channel";
import { withCompression } from "@omni/codec";
import type { Backend, ObjectInfo } from "@omni/core";
import { file } from "@omni/file";
import { gitLog } from "./git-log.ts";

/** How far each stage is. */
export interface Progress {
  read: number;
  transformed: number;
  storedBytes: number;
}

/** What the job is made of. */
export interface Job {
  /** Lines of NDJSON. */
  readonly lines: AsyncIterable<string>;
  /** One line from another; `undefined` leaves the line out. */
  readonly transform: (line: string) => string | undefined;
  readonly destination: Backend;
  readonly path: string;
  /** Called whenever a stage has moved on. */
  readonly onProgress?: (progress: Readonly<Progress>) => void;
}

/**
 * Runs the job. When a stage fails, the ones behind it fail with it, and nothing is stored.
 *
 * @returns the info of the stored object, and the counts
 */
export async function runJob(job: Job): Promise<{ info: ObjectInfo; progress: Progress }> {
  const stages = channel({ bufferSize: 100 });
  const progress: Progress = { read: 0, transformed: 0, storedBytes: 0 };
  const moved = (change: Partial<Progress>): void => job.onProgress?.(Object.assign(progress, change));

  const readStage = sendAll(stages, "lines", job.lines, () => moved({ read: progress.read + 1 }));
  const transformStage = sendAll(stages, "records", transformed(stages, job.transform), () =>
    moved({ transformed: progress.transformed + 1 }),
  );
  const storeStage = stages.read("records").then((reader) =>
    withCompression(job.destination, "zstd").write(job.path, reader, {
      contentType: "application/x-ndjson",
      onProgress: ({ bytes }) => moved({ storedBytes: bytes }),
    }),
  );

  try {
    const [info] = await Promise.all([storeStage, readStage, transformStage]);
    return { info, progress };
  } finally {
    // After a failure: what still runs ends here, and says so to nobody else.
    await stages.close();
    await Promise.allSettled([readStage, transformStage, storeStage]);
  }
}

/** Sends lines to a channel. A source that fails aborts the channel, so that its reader does not take a part for the whole. */
async function sendAll(stages: ChannelBackend, path: string, lines: AsyncIterable<string>, onSent: () => void): Promise<void> {
  const writer = stages.createWriter(path);
  try {
    for await (const line of lines) {
      await writer.write(`${line}\n`);
      onSent();
    }
    await writer.close();
  } catch (error) {
    await writer.abort(error);
    throw error;
  }
}

async function* transformed(stages: ChannelBackend, transform: Job["transform"]): AsyncGenerator<string> {
  const reader = await stages.read("lines");
  for await (const message of reader.messages()) {
    const line = transform(Buffer.from(message).toString().trimEnd());
    if (line !== undefined) yield line;
  }
}

/** Lines of a file, or of a repository's history. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  if ((await stat(path)).isDirectory()) yield* gitLog(path);
  else yield* createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
}

/** What the second stage does here: the length of a commit's subject and the hour it was made, in place of its text. */
export function summarise(line: string): string | undefined {
  if (line.trim() === "") return undefined;
  const { subject, date, ...rest } = JSON.parse(line) as Record<string, unknown>;
  return JSON.stringify({ ...rest, date, subjectLength: String(subject ?? "").length, hour: new Date(String(date)).getUTCHours() });
}

async function main([source = ".", folder = "pipeline-result"]: readonly string[]): Promise<void> {
  const destination = file({ root: folder });
  const show = ({ read, transformed, storedBytes }: Readonly<Progress>): void => {
    if (process.stderr.isTTY)
      process.stderr.write(`\rread ${read}, transformed ${transformed}, stored ${storedBytes} bytes\u001b[K`);
  };
  const { info, progress } = await runJob({
    lines: linesOf(source),
    transform: summarise,
    destination,
    path: "log.ndjson.zst",
    onProgress: show,
  });
  if (process.stderr.isTTY) process.stderr.write("\n");
  console.log(
    `${progress.read} lines read, ${progress.transformed} records, ${progress.storedBytes} bytes, ${info.size} bytes stored in ${folder}/${info.path}`,
  );
  await destination.close();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(process.argv.slice(2));
