import * as fs from "node:fs";
import { lstat, mkdir, rmdir, unlink } from "node:fs/promises";

// Descriptors are plain numbers here, not FileHandles: on small objects a handle costs as much as the system call behind it.

const { O_CREAT, O_EXCL, O_WRONLY, O_RDONLY } = fs.constants;
// Absent on Windows.
const O_NOFOLLOW = fs.constants.O_NOFOLLOW ?? 0;
const O_NONBLOCK = fs.constants.O_NONBLOCK ?? 0;

/** Opens a file to be read: never through a symbolic link (ELOOP), and never waiting for the other end of a pipe. */
export function openToRead(path: string): Promise<number> {
  return open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
}

/** Makes a file that must not be there yet. */
export function openNew(path: string): Promise<number> {
  return open(path, O_CREAT | O_EXCL | O_WRONLY);
}

function open(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, 0o666, (error, fd) => (error ? reject(error) : resolve(fd)));
  });
}

/** Lets go of a descriptor. */
export function closeFile(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.close(fd, (error) => (error ? reject(error) : resolve()));
  });
}

/** Lets go of a descriptor that was read from. Synchronous: nothing is written back. */
export function closeAtOnce(fd: number): void {
  fs.closeSync(fd);
}

/** What the kernel knows of an open file. Synchronous: it touches no disk, and the way through the thread pool costs more than the call. */
export function statOpen(fd: number): fs.BigIntStats {
  return fs.fstatSync(fd, { bigint: true });
}

/** Sets access and modification time of an open file. */
export function setTimes(fd: number, modifiedAt: Date): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.futimes(fd, modifiedAt, modifiedAt, (error) => (error ? reject(error) : resolve()));
  });
}

/** Forces an open file to the disk. */
export function syncOpen(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fsync(fd, (error) => (error ? reject(error) : resolve()));
  });
}

/** Forces a directory's entries to the disk. */
export async function syncDirectory(path: string): Promise<void> {
  const fd = await open(path, O_RDONLY);
  try {
    await syncOpen(fd);
  } catch (error) {
    // Some file systems (CIFS, some FUSE) have no fsync of a directory and say so; entries are durable there when the file is.
    if (!hasCode(error, "EINVAL", "ENOTSUP", "EBADF")) throw error;
  } finally {
    await closeFile(fd);
  }
}

/** Reads once; gives fewer bytes than asked for at the end of the file. */
export function readAt(fd: number, into: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, 0, into.byteLength, position, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });
}

/** Appends all the chunks; the kernel may take them in several steps. */
export async function writeAll(fd: number, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = chunks;
  while (rest.length > 0) rest = after(rest, await writeSome(fd, rest));
}

function writeSome(fd: number, chunks: readonly Uint8Array[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const done = (error: NodeJS.ErrnoException | null, bytes: number): void => (error ? reject(error) : resolve(bytes));
    const [only] = chunks;
    if (chunks.length === 1 && only) fs.write(fd, only, 0, only.byteLength, null, done);
    else fs.writev(fd, chunks as Uint8Array[], done);
  });
}

/** What is left of the chunks after so many bytes. */
function after(chunks: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let taken = bytes;
  for (const [index, chunk] of chunks.entries()) {
    if (taken < chunk.byteLength) return [chunk.subarray(taken), ...chunks.slice(index + 1)];
    taken -= chunk.byteLength;
  }
  return [];
}

/** What is at a path, symbolic links not followed; `undefined` when nothing is. */
export async function lookAt(path: string): Promise<fs.BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** The same without the way through the thread pool: everything else waits. */
export function lookAtOnce(path: string): fs.BigIntStats | undefined {
  try {
    return fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Removes a file; says whether it was there. */
export async function removeFile(path: string): Promise<boolean> {
  return succeeds(unlink(path), "ENOENT");
}

/** Removes a directory if it is there and empty; says whether it did. */
export async function removeEmpty(path: string): Promise<boolean> {
  return succeeds(rmdir(path), "ENOENT", "ENOTEMPTY", "EEXIST", "ENOTDIR");
}

/** Makes a directory; says whether it was not there before. */
export async function makeDirectory(path: string): Promise<boolean> {
  return succeeds(mkdir(path), "EEXIST");
}

/** Whether a call succeeds; the error codes given mean no, any other error is thrown. */
export async function succeeds(call: Promise<unknown>, ...codes: readonly string[]): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (hasCode(error, ...codes)) return false;
    throw error;
  }
}

/** Whether an error of the file system has one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return typeof error === "object" && error !== null && codes.includes((error as { code?: unknown }).code as string);
}
