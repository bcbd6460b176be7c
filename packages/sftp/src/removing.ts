import { type ObjectInfo, OmniError } from "@omni/core";
import { hasStatus, isLost, STATUS, unless } from "./errors.ts";
import { directoryInTheWay, parentOf } from "./layout.ts";
import { infoOf, lookAt } from "./reading.ts";
import type { Session } from "./session.ts";
import type { Tools } from "./writing.ts";

/**
 * Deletes an object and the folders that it leaves empty. Not done twice: between the two another write may have put a new object there.
 *
 * @throws OmniError UNAVAILABLE with outcome `unknown` when the connection was lost and the object is there afterwards
 */
export async function removeObject({ pool, layout }: Tools, path: string, signal: AbortSignal | undefined): Promise<void> {
  const file = layout.fileOf(path);
  const isThere = (session: Session): Promise<boolean> => lookAt(session, layout, path).then((stats) => stats !== undefined);
  if (!(await pool.useTwice(signal, isThere))) return;
  signal?.throwIfAborted();
  try {
    await pool.use(undefined, (session) => unless(session.unlink(file), STATUS.NO_SUCH_FILE));
  } catch (error) {
    // Another call may have made a directory of it; it is no object then.
    if (hasStatus(error, STATUS.FAILURE, STATUS.PERMISSION_DENIED) && !(await pool.useTwice(undefined, isThere))) return;
    if (!isLost(error)) throw error;
    const isStill = await pool.use(undefined, isThere).catch(() => true); // the first error says more
    if (isStill) throw inDoubt("deleted", error);
  }
  await prune({ pool, layout }, path);
}

/** Moves an object over what is there, in one step. */
export async function moveObject(tools: Tools, from: string, to: string, signal: AbortSignal | undefined): Promise<ObjectInfo> {
  const { pool, layout } = tools;
  const [source, target] = [layout.fileOf(from), layout.fileOf(to)];
  const stats = await pool.useTwice(signal, async (session) => {
    await layout.checkWay(session, to);
    return lookAt(session, layout, from);
  });
  if (!stats) throw new OmniError("NOT_FOUND", { outcome: "not-applied" });
  signal?.throwIfAborted();
  try {
    await pool.use(undefined, (session) => renameOver(session, tools, { from, to, source, target }));
  } catch (error) {
    throw isLost(error) ? inDoubt("moved", error) : error;
  }
  await prune(tools, from);
  return infoOf(to, stats);
}

interface Move {
  readonly from: string;
  readonly to: string;
  readonly source: string;
  readonly target: string;
}

async function renameOver(session: Session, { layout }: Tools, { from, to, source, target }: Move): Promise<void> {
  for (let round = 0; ; round++) {
    try {
      if (await session.replace(source, target)) return;
      throw new OmniError("NOT_SUPPORTED", {
        reason: "the server does not offer posix-rename@openssh.com, so it cannot move in one step; copy, then delete",
        outcome: "not-applied",
      });
    } catch (error) {
      if (round >= 8) throw error;
      if (hasStatus(error, STATUS.NO_SUCH_FILE)) {
        if (!(await lookAt(session, layout, from))) throw new OmniError("NOT_FOUND", { outcome: "not-applied" });
        const directory = parentOf(to);
        await layout.makeWay(session, to, directory === "" ? layout.root : `${layout.root}/${directory}`);
        continue;
      }
      const there = hasStatus(error, STATUS.FAILURE) ? await unless(session.look(target), STATUS.NO_SUCH_FILE) : undefined;
      if (!there?.isDirectory()) throw error;
      try {
        await session.removeDirectory(target);
      } catch (reason) {
        throw hasStatus(reason, STATUS.FAILURE) ? directoryInTheWay(to) : reason;
      }
    }
  }
}

/** What is left by a lost connection is an empty folder, which nobody is told of. */
async function prune({ pool, layout }: Pick<Tools, "pool" | "layout">, path: string): Promise<void> {
  const directory = parentOf(path);
  if (directory === "") return;
  try {
    await pool.use(undefined, (session) => layout.prune(session, `${layout.root}/${directory}`));
  } catch (error) {
    if (!isLost(error)) throw error;
  }
}

function inDoubt(what: string, cause: unknown): OmniError {
  return new OmniError("UNAVAILABLE", {
    reason: `the connection was lost while the object was being ${what}, so whether it was is not known; look at it`,
    outcome: "unknown",
    retryable: true,
    cause,
  });
}
