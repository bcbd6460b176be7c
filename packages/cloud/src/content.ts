import { guessContentType } from "@omni/core";

/** Bytes that the detection looks at: https://github.com/sindresorhus/file-type#filetypefrombufferbuffer */
export const SNIFF_BYTES = 4100;

/** What a type says of a container only: a declared type of its content is more. */
const CONTAINERS: ReadonlySet<string> = new Set([
  "application/zip",
  "application/gzip",
  "application/xml",
  "application/x-cfb",
  "application/ogg",
  "video/mp4",
]);

/** The content type that the first bytes show; `undefined` for text and for what has no mark. The detection is loaded at first use. */
export async function sniff(head: Uint8Array): Promise<string | undefined> {
  if (head.byteLength < 2) return undefined;
  const { fileTypeFromBuffer } = await import("file-type");
  return (await fileTypeFromBuffer(head.subarray(0, SNIFF_BYTES)))?.mime;
}

/**
 * The content type of a file: what its bytes show, unless that is only a container; else what was declared; else what its name suggests. A file that is
 * declared an image and shows to be a program is a program.
 */
export function effectiveType(sniffed: string | undefined, declared: string | undefined, filename: string): string {
  const plain = declared === undefined || /^application\/octet-stream\b/i.test(declared) ? undefined : declared;
  if (sniffed !== undefined && !CONTAINERS.has(sniffed)) return agrees(sniffed, plain) ? (plain as string) : sniffed;
  return plain ?? guessContentType(filename) ?? sniffed ?? "application/octet-stream";
}

/** The same type; the declared one may have parameters. */
function agrees(sniffed: string, declared: string | undefined): boolean {
  return declared !== undefined && bareType(declared) === sniffed;
}

/** A type without its parameters, in lower case. */
export function bareType(contentType: string): string {
  return (contentType.split(";", 1)[0] as string).trim().toLowerCase();
}

/** Whether a type fits a pattern: `image/png`, `image/*`, `*`. */
export function fitsType(contentType: string, pattern: string): boolean {
  const type = bareType(contentType);
  const wanted = pattern.toLowerCase();
  if (wanted === "*" || wanted === "*/*") return true;
  return wanted.endsWith("/*") ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
}
