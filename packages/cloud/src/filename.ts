/** Longest normalised name, in bytes of UTF-8: a file system's part of a path has 255, of which drivers need a few. */
const MAX_BYTES = 180;

/** The last part of what a browser or a caller calls a file: without folders, also those of Windows. */
export function baseName(name: string): string {
  return name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
}

/**
 * A name that every store and URL takes: Unicode letters and digits, `.`, `_` and `-`; composed form; never empty, `.` or `..`; at most 180 bytes, of
 * which the extension survives.
 *
 * @param name the file's name
 */
export function normaliseFilename(name: string): string {
  const clean = baseName(name)
    .toWellFormed()
    .normalize("NFC")
    .replace(/[^\p{L}\p{M}\p{N}._-]+/gu, "-")
    .replace(/-{2,}/g, "-")
    .replace(/-*\.-*/g, ".")
    .replace(/\.{2,}/g, ".")
    .replace(/^[.-]+|[.-]+$/g, "");
  if (clean === "") return "file";
  const dot = clean.lastIndexOf(".");
  const extension = dot > 0 && clean.length - dot <= 16 ? clean.slice(dot) : "";
  return cut(clean.slice(0, clean.length - extension.length), MAX_BYTES - Buffer.byteLength(extension)) + extension;
}

function cut(text: string, maxBytes: number): string {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}
