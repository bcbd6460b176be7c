import { resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { OmniError } from "@omni/core";

/** What somebody typed to say which store is meant, taken apart. */
export type Address =
  | { readonly kind: "url"; readonly scheme: string; readonly host: string; readonly path: string; readonly query: URLSearchParams }
  | { readonly kind: "name"; readonly name: string; readonly path: string }
  /** `isFolder`: it ends in a separator. `bare`: without `./`, so that it may be a configured name. */
  | { readonly kind: "local"; readonly file: string; readonly isFolder: boolean; readonly bare?: string | undefined };

/** What a name in a configuration looks like. */
export const NAME: RegExp = /^[A-Za-z][A-Za-z0-9_-]*$/;

/** Schemes whose URLs name a directory of a machine: as with local places, the directory is the store, and not the machine. */
export const DIRECTORY_SCHEMES: ReadonlySet<string> = new Set(["sftp"]);

const NAMED = /^([A-Za-z][A-Za-z0-9_-]*):(.*)$/s;
const URL_FORM = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?(?:#.*)?$/s;

/**
 * Takes the text for a store apart: `s3://bucket/path?region=x`, `file:///directory`, `./directory`, `name:path`.
 *
 * @param cwd what relative paths are relative to
 * @throws OmniError INVALID_ARGUMENT
 */
export function parseAddress(text: string, cwd: string): Address {
  if (text === "")
    throw invalid('an empty text names no store; write s3://bucket/path, ./directory or name:path ("omni doctor" lists the names)');
  if (/^file:/i.test(text)) return fileAddress(text);
  const url = URL_FORM.exec(text);
  if (url) {
    const [, scheme = "", host = "", path = "", query = ""] = url;
    return {
      kind: "url",
      scheme: scheme.toLowerCase(),
      host,
      path: decode(path.slice(1), text),
      query: new URLSearchParams(query),
    };
  }
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(text)) throw invalid(`${shown(text)} is no URL; write scheme://host/path?option=value`);
  const named = isDrive(text) ? null : NAMED.exec(text);
  if (named) return { kind: "name", name: named[1] as string, path: named[2] as string };
  const bare = NAME.test(text) ? { bare: text } : {};
  return {
    kind: "local",
    file: resolve(cwd, text),
    isFolder: /[/\\]$/.test(text) && (text.endsWith("/") || sep === "\\"),
    ...bare,
  };
}

/** An address as it may be shown: without user and options, which may hold secrets. */
export function withoutSecrets(text: string): string {
  return text.replace(/\?.*$/s, "?…").replace(/(:\/\/)[^/@]*@/, "$1***@");
}

/** The same in quotes, no longer than a line. */
export function shown(text: string): string {
  const clean = withoutSecrets(text);
  return JSON.stringify(clean.length > 200 ? `${clean.slice(0, 200)}…` : clean);
}

function fileAddress(text: string): Address {
  const [plain = ""] = text.split(/[?#]/, 1);
  try {
    return { kind: "local", file: fileURLToPath(plain), isFolder: plain.endsWith("/") };
  } catch (cause) {
    throw invalid(`${shown(text)} names no file here; write file:///absolute/path or ./path`, cause);
  }
}

function decode(path: string, text: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw invalid(`${shown(text)} has a "%" that begins no code; write %25 for the character itself`, cause);
  }
}

/** `C:\data` on Windows. */
function isDrive(text: string): boolean {
  return process.platform === "win32" && /^[A-Za-z]:([\\/]|$)/.test(text);
}

function invalid(reason: string, cause?: unknown): OmniError {
  return new OmniError("INVALID_ARGUMENT", { reason, cause });
}
