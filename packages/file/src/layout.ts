import { hash } from "node:crypto";
import { realpathSync } from "node:fs";
import { lstat, mkdir, realpath, rmdir, symlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { OmniError } from "@omni/core";
import { hasCode, lookAt, makeDirectory, succeeds, syncDirectory } from "./file-system.ts";

/** Names that begin so, in any directory, are Omni's own: files on their way to an object on another device than the root's. */
export const BESIDE = ".omni~";

const SHARDS = "0123456789abcdef";
const OWN = /^\.omni\/(?:tmp|stage|claim|meta)(?:\/|$)/;

// Why rmdir(2) leaves a directory.
const STAYS = ["ENOTEMPTY", "EEXIST", "ENOENT", "ENOTDIR", "EBUSY", "EACCES", "EPERM", "EROFS"];

/** An object's place, and the key of its claims and sidecars. */
export interface Place {
  readonly path: string;
  /** The file. */
  readonly target: string;
  /** The directory that holds it. */
  readonly directory: string;
  /** 128 bits of the path's SHA-256. */
  readonly key: string;
}

/** Answers of the kernel that tests give in its place: another device, a file system that folds case. */
export interface Kernel {
  /** The device that a directory is on. */
  readonly deviceOf?: ((directory: string) => Promise<bigint>) | undefined;
  /** The path as it stands on the disk, links followed. */
  readonly realPathOf?: ((path: string) => Promise<string>) | undefined;
}

type RealPathOf = (path: string) => Promise<string> | string;

/** Where everything is under one root. */
export class Layout {
  readonly fsync: boolean;
  readonly #given: string;
  readonly #deviceOf: (directory: string) => Promise<bigint>;
  // Which device a directory is on. A mount that appears later is noticed by EXDEV.
  readonly #devices = new Map<string, Promise<bigint | undefined>>();
  readonly #realPathOf: RealPathOf;
  readonly #realPathAtOnce: RealPathOf;
  readonly #noted = new Set<string>();
  #root = "";
  #ready: Promise<void> | undefined;
  #device = 0n;
  #foldsCase = false;

  /**
   * @param root as the caller gave it
   * @param fsync whether what is made is forced to the disk
   * @param kernel what tests answer in the kernel's place
   */
  constructor(root: string, fsync: boolean, { deviceOf = deviceOfDirectory, realPathOf }: Kernel = {}) {
    this.#given = resolve(root);
    this.fsync = fsync;
    this.#deviceOf = deviceOf;
    this.#realPathOf = realPathOf ?? realpath;
    this.#realPathAtOnce = realPathOf ?? realpathSync.native;
  }

  /** The real path of the root. */
  get root(): string {
    return this.#root;
  }

  /** Temporary files and records of one kind. */
  own(kind: "tmp" | "stage" | "claim" | "meta"): string {
    return `${this.#root}/.omni/${kind}`;
  }

  /** The directory of a place's claims. */
  claims(key: string): string {
    return `${this.#root}/.omni/claim/${key[0]}`;
  }

  /** The directory of a place's sidecars. */
  sidecars(key: string): string {
    return `${this.#root}/.omni/meta/${key.slice(0, 2)}`;
  }

  /** Finds the root. `false` when it is not there. */
  async exists(): Promise<boolean> {
    if (this.#root !== "") return true;
    try {
      this.#root = await realpath(this.#given);
      return true;
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
      throw error;
    }
  }

  /** Makes the root and Omni's directories in it, once. */
  ready(): Promise<void> {
    this.#ready ??= this.#prepare().catch((error) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  /** Makes the root and Omni's directories again: somebody removed them. */
  renew(): Promise<void> {
    this.#ready = undefined;
    this.#root = "";
    this.#devices.clear();
    this.#noted.clear();
    return this.ready();
  }

  async #prepare(): Promise<void> {
    await mkdir(this.#given, { recursive: true });
    const root = await realpath(this.#given);
    const omni = `${root}/.omni`;
    await makeDirectory(omni);
    const stats = await lstat(omni, { bigint: true });
    if (!stats.isDirectory())
      throw new OmniError("INVALID_ARGUMENT", { reason: `${omni} is no directory; Omni keeps its records there` });
    this.#device = stats.dev;
    this.#foldsCase = await succeeds(lstat(`${root}/.OMNI`), "ENOENT");
    for (const kind of ["tmp", "stage", "claim", "meta"]) await makeDirectory(`${omni}/${kind}`);
    for (const shard of SHARDS) await makeDirectory(`${omni}/claim/${shard}`);
    if (this.fsync) for (const directory of [dirname(root), root, omni]) await syncDirectory(directory);
    this.#root = root;
  }

  /**
   * The place of a path.
   *
   * @throws OmniError INVALID_PATH for names that the file system cannot hold or that are Omni's own
   */
  place(path: string): Place {
    checkNames(path);
    const target = `${this.#root}/${path}`;
    return { path, target, directory: target.slice(0, target.lastIndexOf("/")), key: hash("sha256", path, "hex").slice(0, 32) };
  }

  /**
   * Checks that the way to a place has no symbolic link and no name in another spelling than asked for.
   *
   * @returns whether the directory is there
   * @throws OmniError INVALID_PATH
   */
  async checkWay({ path, target, directory }: Place, realPathOf: RealPathOf = this.#realPathOf): Promise<boolean> {
    if (directory !== this.#root && !(await this.#isReal(path, directory, realPathOf))) return false;
    if (this.#foldsCase) await this.#isReal(path, target, realPathOf);
    return true;
  }

  /** The same for a way that was just gone, which the kernel has at hand: without the thread pool, whose way is longer than this one. */
  checkWayAtOnce(place: Place): Promise<boolean> {
    return this.checkWay(place, this.#realPathAtOnce);
  }

  async #isReal(path: string, asked: string, realPathOf: RealPathOf = this.#realPathOf): Promise<boolean> {
    let real: string;
    try {
      real = await realPathOf(asked);
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
      throw error;
    }
    if (real === asked) return true;
    const spelling = real.toLowerCase().normalize("NFC") === asked.toLowerCase().normalize("NFC");
    throw new OmniError("INVALID_PATH", {
      path,
      reason: spelling
        ? `the file system takes "${basename(real)}" and "${basename(asked)}" for one name, and the first is there; use one spelling, or a root on a file system that tells them apart`
        : `the way to it leads through a symbolic link to "${real}"; links inside a root are not followed: give the real path, or make the link's target the root`,
      outcome: "not-applied",
    });
  }

  /** Makes the directories on the way to a place. @throws OmniError INVALID_PATH when something else is in the way */
  async makeWay(path: string, upTo: string): Promise<void> {
    let directory = this.#root;
    for (const name of upTo.slice(this.#root.length + 1).split("/")) {
      if (name === "") return;
      const parent = directory;
      directory = `${directory}/${name}`;
      if (await makeDirectory(directory)) {
        if (this.fsync) await syncDirectory(parent);
      } else if (!(await lookAt(directory))?.isDirectory()) throw fileInTheWay(path, directory.slice(this.#root.length + 1));
    }
    await this.#isReal(path, upTo);
  }

  /** Whether a directory, there or not yet, is on another device than Omni's own directories. */
  async isElsewhere(directory: string): Promise<boolean> {
    let place = directory;
    while (place.length > this.#root.length) {
      const device = await this.#deviceOfCached(place);
      if (device !== undefined) return device !== this.#device;
      place = dirname(place);
    }
    return false;
  }

  /** Notes that temporary files may stand in a directory on another device, for the sweep to find them. */
  async noteBeside(directory: string): Promise<void> {
    if (this.#noted.has(directory)) return;
    const note = `${this.own("tmp")}/beside-${hash("sha256", directory, "hex").slice(0, 32)}`;
    await succeeds(symlink(directory, note), "EEXIST");
    this.#noted.add(directory);
  }

  /** Forgets which device a directory is on. */
  forgetDevices(): void {
    this.#devices.clear();
  }

  async #deviceOfCached(directory: string): Promise<bigint | undefined> {
    if (this.#devices.size > 10_000) this.#devices.clear();
    const known = this.#devices.get(directory);
    if (known) return known;
    const asked = this.#deviceOf(directory).catch((error) => {
      this.#devices.delete(directory);
      if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    });
    this.#devices.set(directory, asked);
    return asked;
  }

  /** Forces a directory to the disk, where asked for. One that is gone was removed with all that was in it. */
  async settle(directory: string): Promise<void> {
    if (this.fsync) await succeeds(syncDirectory(directory), "ENOENT");
  }

  /** Removes directories that hold nothing any more, from this one up. What is left is harmless: a mount point, or one that may not be removed. */
  async prune(directory: string): Promise<void> {
    let place = directory;
    while (place.length > this.#root.length && (await succeeds(rmdir(place), ...STAYS))) place = dirname(place);
  }
}

/** One canonical name of the store, also before its root is there. */
export function identityOf(root: string): string {
  const missing: string[] = [];
  for (let place = resolve(root); ; place = dirname(place)) {
    try {
      return `file:${join(realpathSync.native(place), ...missing)}`;
    } catch (error) {
      if (!hasCode(error, "ENOENT", "ENOTDIR", "EACCES", "ELOOP") || place === dirname(place)) throw error;
      missing.unshift(basename(place));
    }
  }
}

/** Whether a path is one of the driver's own files, at any depth. */
export function isOwn(path: string): boolean {
  return OWN.test(path) || path.startsWith(BESIDE) || path.includes(`/${BESIDE}`);
}

/** A file where a directory is needed. */
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

// NAME_MAX of every common file system.
const MAX_NAME_BYTES = 255;
const WINDOWS = process.platform === "win32";
const NOT_ON_WINDOWS = /[<>:"|?*\\\p{Cc}]|[. ](?:\/|$)|(?:^|\/)(?:con|prn|aux|nul|com\d|lpt\d)(?:\.[^/]*)?(?:\/|$)/iu;

function checkNames(path: string): void {
  // A UTF-16 unit is at most three bytes of UTF-8: most paths are too short to be looked at.
  if (path.length * 3 > MAX_NAME_BYTES) {
    for (const name of path.split("/"))
      if (name.length * 3 > MAX_NAME_BYTES && Buffer.byteLength(name) > MAX_NAME_BYTES)
        throw refused(
          path,
          `a name between two "/" has ${Buffer.byteLength(name)} bytes, a file system holds ${MAX_NAME_BYTES}; shorten it`,
        );
  }
  if (path.includes(BESIDE) || path.startsWith(".omni/"))
    if (isOwn(path))
      throw refused(path, `names that begin with "${BESIDE}" and Omni's own directories are reserved; choose another name`);
  if (WINDOWS && NOT_ON_WINDOWS.test(path)) throw refused(path, "Windows cannot hold this name; choose another");
}

function refused(path: string, reason: string): OmniError {
  return new OmniError("INVALID_PATH", { path, reason, outcome: "not-applied" });
}

async function deviceOfDirectory(directory: string): Promise<bigint> {
  return (await lstat(directory, { bigint: true })).dev;
}
