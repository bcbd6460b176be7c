// The files of a tarball.
import { gunzipSync } from "node:zlib";

/** One file of a tarball. */
export interface PackedFile {
  /** Within the package. */
  readonly path: string;
  readonly content: Uint8Array;
}

/**
 * The files of a tarball, by its headers.
 *
 * @see https://www.gnu.org/software/tar/manual/html_node/Standard.html
 */
export function packedFiles(tarball: Uint8Array): readonly PackedFile[] {
  const block = 512;
  const tar = gunzipSync(tarball);
  const text = (at: number, length: number): string => tar.toString("utf8", at, at + length).replace(/\0.*$/s, "");
  const files: PackedFile[] = [];
  for (let at = 0; at + block <= tar.length && tar[at] !== 0; ) {
    const bytes = Number.parseInt(text(at + 124, 12), 8);
    const folder = text(at + 345, 155);
    const path = `${folder === "" ? "" : `${folder}/`}${text(at, 100)}`;
    const content = tar.subarray(at + block, at + block + bytes);
    // Anything but a file is a folder, or a header for what comes next.
    if (text(at + 156, 1).replace("0", "") === "") files.push({ path: path.replace(/^package\//, ""), content });
    at += block + Math.ceil(bytes / block) * block;
  }
  return files;
}
