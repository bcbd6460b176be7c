import { randomUUID } from "node:crypto";
import { OmniError } from "@omni/core";
import { hasStatus, STATUS, unless } from "./errors.ts";
import type { CheckedOptions } from "./options.ts";
import type { Session } from "./session.ts";

/** The driver's own directories: bytes of writes under way, and staged ones. */
export type Own = "tmp" | "stage";

const OWN = /^\.omni\/(?:tmp|stage)(?:\/|$)/;

// NAME_MAX of every common file system.
const MAX_NAME_BYTES = 255;
const NOT_ON_WINDOWS = /[<>:"|?*\\\p{Cc}]|[. ](?:\/|$)|(?:^|\/)(?:con|prn|aux|nul|com\d|lpt\d)(?:\.[^/]*)?(?:\/|$)/iu;

/** Where everything is under one root. */
export class Layout {
  readonly root: string;
  readonly #directoryMode: number | undefined;
  #realRoot: string | undefined;

  constructor({ root, directoryMode }: Pick<CheckedOptions, "root" | "directoryMode">) {
    this.root = root;
    this.#directoryMode = directoryMode;
  }

  /** The directory of one kind of temporary files. */
  own(kind: Own): string {
    return `${this.root}/.omni/${kind}`;
  }

  /** The file of an object. @throws OmniError INVALID_PATH for names that no file system can hold or that are Omni's own */
  fileOf(path: string): string {
    if (path.length * 3 > MAX_NAME_BYTES)
      for (const name of path.split("/"))
        if (Buffer.byteLength(name) > MAX_NAME_BYTES)
          throw refused(
            path,
            `a name between two "/" has ${Buffer.byteLength(name)} bytes, a file system holds ${MAX_NAME_BYTES}; shorten it`,
          );
    if (isOwn(path)) throw refused(path, "Omni's own directories are reserved; choose another name");
    return `${this.root}/${path}`;
  }

  /**
   * Checks that no symbolic link is on the way to an object, and, for a server on Windows, that it can hold the name.
   *
   * @returns whether the directory can be there
   * @throws OmniError INVALID_PATH
   */
  async checkWay(session: Session, path: string): Promise<boolean> {
    const directory = parentOf(path);
    const [root, real] = await Promise.all([
      this.#findRoot(session),
      directory === "" ? undefined : unless(session.realPath(`${this.root}/${directory}`), STATUS.NO_SUCH_FILE),
    ]);
    if (root === undefined) return false;
    if (isOnWindows(root)) checkWindowsName(path);
    if (directory === "") return true;
    if (real === undefined) return false;
    const asked = `${root === "/" ? "" : root}/${directory}`;
    const isSame = isOnWindows(root) ? real.toLowerCase() === asked.toLowerCase() : real === asked;
    if (isSame) return true;
    throw refused(
      path,
      `the way to it leads through a symbolic link to "${real}"; links inside a root are not followed: give the real path, or make the link's target the root`,
    );
  }

  /** The real path of the root, which may itself be a link. */
  async #findRoot(session: Session): Promise<string | undefined> {
    if (this.#realRoot !== undefined) return this.#realRoot;
    const found = await unless(session.realPath(this.root === "" ? "/" : this.root), STATUS.NO_SUCH_FILE);
    this.#realRoot = found;
    return found;
  }

  /** Makes a directory below the root, and those above it. @throws OmniError INVALID_PATH when something else is in the way */
  async makeWay(session: Session, path: string, directory: string): Promise<void> {
    try {
      await session.makeDirectory(directory, this.#directoryMode);
    } catch (error) {
      if (hasStatus(error, STATUS.NO_SUCH_FILE) && directory.lastIndexOf("/") > 0) {
        await this.makeWay(session, path, directory.slice(0, directory.lastIndexOf("/")));
        return this.#makeAgain(session, path, directory);
      }
      await this.#mustBeDirectory(session, path, directory, error);
    }
  }

  /** The directory above is there now; another call may have made this one, or have removed that one again. */
  async #makeAgain(session: Session, path: string, directory: string): Promise<void> {
    try {
      await session.makeDirectory(directory, this.#directoryMode);
    } catch (error) {
      if (hasStatus(error, STATUS.NO_SUCH_FILE)) return; // whoever needs it finds out, and makes the way anew
      await this.#mustBeDirectory(session, path, directory, error);
    }
  }

  async #mustBeDirectory(session: Session, path: string, directory: string, error: unknown): Promise<void> {
    if (!hasStatus(error, STATUS.FAILURE, STATUS.PERMISSION_DENIED)) throw error;
    const there = await unless(session.look(directory), STATUS.NO_SUCH_FILE);
    if (there?.isDirectory()) return;
    if (there && directory.startsWith(`${this.root}/`)) throw fileInTheWay(path, directory.slice(this.root.length + 1));
    throw error;
  }

  /** Removes directories that hold nothing any more, from this one up to below the root. */
  async prune(session: Session, directory: string): Promise<void> {
    for (let place = directory; place.length > this.root.length; place = place.slice(0, place.lastIndexOf("/"))) {
      try {
        await session.removeDirectory(place);
      } catch (error) {
        // Not empty, gone, or not to be removed by this user: what is left is harmless.
        if (hasStatus(error, STATUS.FAILURE, STATUS.NO_SUCH_FILE, STATUS.PERMISSION_DENIED)) return;
        throw error;
      }
    }
  }
}

/** The directory of a path, without `/` at its end; empty for the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** A name for a temporary file that nobody else takes; it says when it was made, since its times are the object's. */
export function newName(now: number): string {
  return `${now.toString(36)}-${randomUUID()}`;
}

/** When a temporary file was made, in milliseconds since the epoch; `undefined` for a file that is not one of ours. */
export function madeAt(name: string): number | undefined {
  const match = /^([0-9a-z]{1,11})-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(name);
  return match ? Number.parseInt(match[1] as string, 36) : undefined;
}

/** Whether a path is one of the driver's own files. */
export function isOwn(path: string): boolean {
  return OWN.test(path);
}

/** OpenSSH on Windows shows paths as `/C:/Users/ada`. */
export function isOnWindows(realRoot: string): boolean {
  return /^\/[a-z]:(?:\/|$)/i.test(realRoot);
}

/** There a backslash would lead out of the root. @throws OmniError INVALID_PATH */
export function checkWindowsName(path: string): void {
  if (NOT_ON_WINDOWS.test(path)) throw refused(path, "the server runs Windows, which cannot hold this name; choose another");
}

function fileInTheWay(path: string, other: string): OmniError {
  const reason =
    path === other
      ? "an object has this name; a file system cannot hold a directory there: choose another name"
      : `"${other}" is a file; a file system cannot hold an object below it: choose another name`;
  return refused(path, reason);
}

/** A directory where an object is to be. */
export function directoryInTheWay(path: string): OmniError {
  return refused(
    path,
    "a directory that is not empty has this name; a file system cannot hold an object there: choose another name",
  );
}

function refused(path: string, reason: string): OmniError {
  return new OmniError("INVALID_PATH", { path, reason, outcome: "not-applied" });
}
