import { guessContentType } from "@omni/core";

/** Bytes that the detection looks at: https://github.com/sindresorhus/file-type#filetypefrombufferbuffer */
export const SNIFF_BYTES = 4100;

/** Types that say what holds a file together and not what it is, and which declared types they may hold. */
const CONTAINERS: Readonly<Record<string, RegExp>> = {
  "application/zip": /zip|officedocument|opendocument|java-archive|^application\/(vnd\.|x-)/,
  "application/gzip": /gzip|[+/.-](tar|tgz)\b|svg/,
  "application/xml": /xml/,
  "application/x-cfb": /^application\/(msword|vnd\.ms-|x-ms)/,
  "application/ogg": /ogg|opus|^(audio|video)\//,
  "video/mp4": /^(audio|video)\/|mp4/,
};

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
  if (sniffed === undefined) return plain ?? guessContentType(filename) ?? "application/octet-stream";
  const held = CONTAINERS[sniffed];
  const said = [plain, guessContentType(filename)].find(
    (type) => type !== undefined && (held?.test(bareType(type)) ?? agrees(sniffed, type)),
  );
  return said ?? sniffed;
}

/** The same type; the declared one may have parameters. */
function agrees(sniffed: string, declared: string): boolean {
  return bareType(declared) === sniffed;
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
