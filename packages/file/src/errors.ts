import type { ErrorClass, ErrorCode } from "@omni/core";

const NOT_APPLIED = { outcome: "not-applied", retryable: false } as const;

/** What the system's error codes mean for an object, and what to do about it (errno(3)). */
const MEANINGS: Readonly<Record<string, ErrorCode | ErrorClass>> = {
  ENOENT: "NOT_FOUND",
  ENOTDIR: "NOT_FOUND",
  ENXIO: "NOT_FOUND",
  EEXIST: "ALREADY_EXISTS",
  EISDIR: { code: "INVALID_PATH", reason: "a directory has this name; choose another name" },
  ELOOP: { code: "INVALID_PATH", reason: "the way to it leads through a symbolic link; give the real path" },
  ENAMETOOLONG: { code: "INVALID_PATH", reason: "the path, or a name in it, is longer than the file system holds; shorten it" },
  EILSEQ: { code: "INVALID_PATH", reason: "the file system cannot hold a character of this name; choose another name" },
  EINVAL: {
    code: "INVALID_ARGUMENT",
    reason: "the file system refuses the call; the name may have a character that it cannot hold",
  },
  EACCES: {
    code: "PERMISSION_DENIED",
    reason: "permission denied; give the process's user access to the root and everything below it",
  },
  EPERM: {
    code: "PERMISSION_DENIED",
    reason: "the system does not permit it: the file may be immutable, or its file system may have no hard links",
  },
  EROFS: { code: "PERMISSION_DENIED", reason: "the file system is mounted read-only; mount it writable, or choose another root" },
  ENOSPC: { code: "UNAVAILABLE", reason: "the device is full; free space or inodes, or run sweepStale()", ...NOT_APPLIED },
  EDQUOT: { code: "UNAVAILABLE", reason: "the disk quota is used up; free space or raise it", ...NOT_APPLIED },
  EMFILE: {
    code: "UNAVAILABLE",
    reason:
      "the process has too many open files; close readers, lower the concurrency (withConcurrency), or raise the limit (ulimit -n)",
    retryable: true,
  },
  ENFILE: { code: "UNAVAILABLE", reason: "the system has too many open files; raise its limit (fs.file-max)", retryable: true },
  ENOMEM: { code: "UNAVAILABLE", reason: "the system is out of memory", retryable: true },
  EAGAIN: "UNAVAILABLE",
  EBUSY: { code: "UNAVAILABLE", reason: "the file is in use by the system, such as a mount point", retryable: true },
  ETXTBSY: { code: "UNAVAILABLE", reason: "the file is a program that is running", retryable: true },
  EIO: {
    code: "UNAVAILABLE",
    reason: "the device failed to read or write; look at the system's log",
    retryable: false,
    outcome: "unknown",
  },
  ESTALE: { code: "UNAVAILABLE", reason: "the network file system lost the file; try again", retryable: true },
  ENODEV: { code: "UNAVAILABLE", reason: "the device is gone", retryable: false },
  ENOTCONN: { code: "UNAVAILABLE", reason: "the network file system is not connected", retryable: true },
  EHOSTDOWN: { code: "UNAVAILABLE", reason: "the network file system's server is down", retryable: true },
  ETIMEDOUT: "TIMEOUT",
  EFBIG: { code: "TOO_LARGE", reason: "the file is larger than the file system or the process's limit (ulimit -f) allows" },
  EOVERFLOW: "TOO_LARGE",
  EMLINK: {
    code: "UNAVAILABLE",
    reason: "the directory or file has as many links as the file system allows; use more directories",
    retryable: false,
  },
  ENOTEMPTY: { code: "PRECONDITION_FAILED", reason: "the directory is not empty; delete what is in it first (purge)" },
  ENOTSUP: { code: "NOT_SUPPORTED", reason: "the file system cannot do this" },
  EOPNOTSUPP: { code: "NOT_SUPPORTED", reason: "the file system cannot do this" },
  ENOSYS: { code: "NOT_SUPPORTED", reason: "the system cannot do this" },
};

/** What an error of the file system means. */
export function classifyError(cause: unknown): ErrorCode | ErrorClass | undefined {
  if (typeof cause !== "object" || cause === null) return undefined;
  const { code } = cause as { code?: unknown };
  return typeof code === "string" && Object.hasOwn(MEANINGS, code) ? MEANINGS[code] : undefined;
}
