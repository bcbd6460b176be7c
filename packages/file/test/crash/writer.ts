// A process that writes without end through @omni/file and is killed at some moment. Says what it does on descriptor 3.
import { writeSync } from "node:fs";
import { OmniError, type WriteOptions } from "@omni/core";
import { file } from "@omni/file";
import { bytesOf, optionsOf } from "./content.ts";
import { type Entry, randomOf, type Step } from "./journal.ts";

const [root = "", lane = "", seed = "0", fsync = "true"] = process.argv.slice(2);
const backend = file({ root, fsync: fsync === "true", sweepAfterMs: 0 });
const random = randomOf(Number(seed));
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
const paths = ["a", "b", "deep/er/c", "deep/er/d", "e f%20"].map((name) => `${lane}/${name}`);
let made = 0;

const say = (entry: Entry): void => {
  writeSync(3, `${JSON.stringify(entry)}\n`);
};

/** Runs a step between its two entries. */
async function step(what: Step, work: () => Promise<unknown>): Promise<void> {
  say({ say: "start", step: what });
  try {
    await work();
    say({ say: "done" });
  } catch (error) {
    if (!OmniError.is(error, "ALREADY_EXISTS", "PRECONDITION_FAILED", "NOT_FOUND")) throw error;
    say({ say: "refused" });
  }
}

function version(): { id: string; body: Buffer; options: WriteOptions } {
  made += 1;
  const id = `${lane}-${seed}-${made}`;
  const size = random() < 0.1 ? 3_000_000 : 50 + Math.floor(random() * 60_000);
  const body = bytesOf(id, size);
  return { id, body, options: optionsOf(id, body) };
}

async function* inChunks(body: Buffer): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < body.byteLength; at += 100_000) yield body.subarray(at, at + 100_000);
}

async function write(path: string): Promise<void> {
  const { id, body, options } = version();
  await step({ kind: "write", path, id }, () => backend.write(path, random() < 0.5 ? body : inChunks(body), options));
}

async function create(path: string): Promise<void> {
  const { id, body, options } = version();
  await step({ kind: "create", path, id }, () => backend.write(path, body, { ...options, ifNoneMatch: "*" }));
}

async function replace(path: string): Promise<void> {
  const { id, body, options } = version();
  const etag = await backend.stat(path).then(
    (info) => info.etag,
    () => "none",
  );
  await step({ kind: "replace", path, id }, () => backend.write(path, body, { ...options, ifMatch: etag }));
}

async function describeAnew(path: string): Promise<void> {
  const note = `${lane}-${seed}-note-${++made}`;
  await step({ kind: "describe", path, note }, async () => {
    const { metadata } = await backend.stat(path);
    await backend.setMetadata(path, { metadata: { ...metadata, note }, modifiedAt: new Date(1_600_000_000_000 + made) });
  });
}

async function stageAndCommit(path: string): Promise<void> {
  const { id, body, options } = version();
  let commit: () => Promise<unknown> = async () => {};
  let token = "";
  await step({ kind: "stage", path, id }, async () => {
    const staged = await backend.stage(path, inChunks(body), options);
    token = staged.token;
    commit = () => staged.commit();
  });
  await step({ kind: "commit", path, id, token }, () => commit());
}

/** One compare-and-set on the counter that all lanes share. */
async function count(): Promise<void> {
  await step({ kind: "count" }, async () => {
    const reader = await backend.read("shared/counter");
    const value = Number(await reader.text());
    await backend.write("shared/counter", String(value + 1), { ifMatch: reader.info.etag });
  });
}

const copy = (path: string): Promise<void> =>
  step({ kind: "copy", path, to: `${lane}/copy` }, () => backend.copy(path, `${lane}/copy`));
const move = (path: string): Promise<void> =>
  step({ kind: "move", path, to: `${lane}/copy.moved` }, () => backend.move(path, `${lane}/copy.moved`));
const remove = (path: string): Promise<void> => step({ kind: "delete", path }, () => backend.delete(path));

const actions = [
  write,
  write,
  write,
  create,
  replace,
  replace,
  remove,
  describeAnew,
  stageAndCommit,
  stageAndCommit,
  copy,
  move,
  count,
  count,
];

say({ say: "ready" });
while (true) await pick(actions)(pick(paths));
