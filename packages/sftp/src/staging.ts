import { createHash } from "node:crypto";
import {
  type CommitOptions,
  type DriverBody,
  type DriverWriteOptions,
  type ObjectInfo,
  OmniError,
  type StagedWrite,
  tokenGone,
} from "@omni/core";
import { hasStatus, STATUS, unless } from "./errors.ts";
import { madeAt, newName } from "./layout.ts";
import { publish, syncDirectories } from "./publishing.ts";
import { infoOf } from "./reading.ts";
import type { Session } from "./session.ts";
import { checkBefore, type Tools, upload } from "./writing.ts";

/*
 * A staged write is a file `stage/<token>`, and one rename decides what becomes of it: to the object's path, or to `stage/<token>.gone`. Before
 * the first, `stage/<token>.done` is written, with what the commit answers. So: file there = staged; else `.gone` there = gone; else `.done` there =
 * committed; else swept.
 */

const TOKEN = /^[0-9a-z]{1,11}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9a-f]{16}(?:-c)?$/;

/** What became of a staged write. */
type Standing =
  | { readonly state: "staged"; readonly size: number; readonly mtime: number }
  | { readonly state: "committed"; readonly info: ObjectInfo }
  | { readonly state: "gone" };

/** Takes a body to the server; the file's name is the token, which says for which path it is and whether it only creates. */
export async function stage(tools: Tools, path: string, body: DriverBody, options: DriverWriteOptions): Promise<StagedWrite> {
  await checkBefore(tools, path, { signal: options.signal });
  const token = `${newName(tools.clock.now())}-${keyOf(path)}${options.ifNoneMatch === "*" ? "-c" : ""}`;
  const { size, mtime } = await upload(tools, "stage", token, path, body, options);
  // The name must be on the disk before anybody writes the token down.
  const directory = tools.layout.own("stage");
  if (tools.options.fsync) await tools.pool.useTwice(undefined, (session) => syncDirectories(session, [directory]));
  return handle(tools, path, token, { state: "staged", size, mtime });
}

/** Finds a staged write by its token, in whatever process it was made. */
export async function resumeStage(
  tools: Tools,
  path: string,
  token: string,
  signal: AbortSignal | undefined,
): Promise<StagedWrite> {
  tools.layout.fileOf(path);
  return handle(tools, path, token, await find(tools, path, token, signal));
}

/** The token of a file in the directory of staged writes: its name without `.done` or `.gone`. */
export function tokenOf(name: string): string {
  return name.replace(/\.(?:done|gone)$/, "");
}

function keyOf(path: string): string {
  return createHash("sha256").update(path).digest("hex").slice(0, 16);
}

function handle(tools: Tools, path: string, token: string, standing: Standing): StagedWrite {
  let known = standing;
  return {
    token,
    state: standing.state,
    expiresAt: standing.state === "staged" ? new Date((madeAt(token) ?? 0) + tools.options.stageTtlMs) : undefined,
    async commit(options: CommitOptions = {}) {
      if (known.state === "committed") return known.info;
      const info = await commit(tools, path, token, options);
      known = { state: "committed", info };
      return info;
    },
    async discard({ signal } = {}) {
      if (known.state === "committed" || known.state === "gone") return;
      await tools.pool.useTwice(signal, (session) => discardOn(session, `${tools.layout.own("stage")}/${token}`));
      known = await find(tools, path, token, signal);
    },
  };
}

async function find({ pool, layout }: Tools, path: string, token: string, signal?: AbortSignal): Promise<Standing> {
  if (!TOKEN.test(token) || token.split("-").at(6) !== keyOf(path)) return { state: "gone" };
  const file = `${layout.own("stage")}/${token}`;
  return pool.useTwice(signal, async (session) => {
    const stats = await unless(session.look(file), STATUS.NO_SUCH_FILE);
    if (stats) return { state: "staged", size: stats.size, mtime: stats.mtime };
    if (await unless(session.look(`${file}.gone`), STATUS.NO_SUCH_FILE)) return { state: "gone" };
    const answer = await readNote(session, `${file}.done`);
    return answer ? { state: "committed", info: infoOf(path, answer) } : { state: "gone" };
  });
}

async function commit(tools: Tools, path: string, token: string, { signal, ifNoneMatch }: CommitOptions): Promise<ObjectInfo> {
  const { pool, layout, options } = tools;
  const standing = await find(tools, path, token, signal);
  if (standing.state === "committed") return standing.info;
  if (standing.state === "gone") throw tokenGone();
  const from = `${layout.own("stage")}/${token}`;
  const isCreate = ifNoneMatch === "*" || token.endsWith("-c");
  await pool.useTwice(signal, async (session) => {
    await layout.checkWay(session, path);
    await writeNote(session, `${from}.done`, standing);
  });
  signal?.throwIfAborted();
  const published = await publish(pool, layout, { path, from, isCreate, fsync: options.fsync });
  if (published === "published") return infoOf(path, standing);
  // Another handle was faster, or an answer was lost: the notes tell which of the two renames it was.
  const now = await find(tools, path, token);
  if (now.state === "committed") return now.info;
  throw tokenGone();
}

/** Which of the two renames comes first decides. The bytes go at once, the name stays as the note that they are gone. */
export async function discardOn(session: Session, file: string): Promise<void> {
  try {
    await session.rename(file, `${file}.gone`);
  } catch (error) {
    if (hasStatus(error, STATUS.NO_SUCH_FILE)) return;
    throw error;
  }
  await session.setAttributes(`${file}.gone`, { size: 0 });
}

/** Writes size and time of a staged write; a second note of the same says the same. */
async function writeNote(session: Session, file: string, { size, mtime }: { size: number; mtime: number }): Promise<void> {
  const aside = `${file}.${newName(0)}`;
  const note = await session.openNew(aside);
  await session.write(note, Buffer.from(JSON.stringify({ size, mtime })), 0);
  await session.closeHandle(note);
  // The first note wins; it must be whole before anybody sees it.
  await unless(session.rename(aside, file), STATUS.FAILURE);
  await unless(session.unlink(aside), STATUS.NO_SUCH_FILE);
}

async function readNote(session: Session, file: string): Promise<{ size: number; mtime: number } | undefined> {
  const note = await unless(session.openToRead(file), STATUS.NO_SUCH_FILE);
  if (!note) return undefined;
  try {
    const { size, mtime } = JSON.parse((await session.read(note, 0, 256)).toString("utf8")) as { size?: unknown; mtime?: unknown };
    if (typeof size === "number" && typeof mtime === "number") return { size, mtime };
    throw new OmniError("UNKNOWN", { reason: `the note ${file} of a staged write is damaged` });
  } finally {
    await session.closeHandle(note);
  }
}
