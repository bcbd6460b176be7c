import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { type BodySource, OmniError, toBytes } from "@omni/core";
import { invalid } from "./errors.ts";

/** A part of a multipart form, as `@fastify/multipart` gives it. */
export interface FormPart {
  readonly file: Readable & { readonly truncated?: boolean };
  readonly filename: string;
  readonly mimetype: string;
}

/** What `load` gives, as a source: it is read again where it was loaded to. */
export interface LoadedSource {
  readonly filename: string;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly data: { readonly to: "memory"; readonly bytes: Uint8Array } | { readonly to: "file"; readonly file: string };
}

/**
 * What `insert` takes: the path of a file on this machine (text, or a `file:` URL), bytes, a Blob or web `File`, a stream or iterable of bytes, a part of a
 * multipart form, or what `load` gave.
 */
export type UploadSource =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>
  | FormPart
  | LoadedSource;

/** A source, looked at but not read. */
export interface OpenedSource {
  readonly filename?: string | undefined;
  readonly contentType?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Bytes, where they are known before reading. */
  readonly size?: number | undefined;
  /** Whether `open` may be called again. */
  readonly repeatable: boolean;
  open(): AsyncIterable<Uint8Array>;
  /** Called when the last byte is out, before anything is published: throws when the source was cut short. */
  readonly atEnd?: (() => void) | undefined;
}

/**
 * Finds out what a source is.
 *
 * @throws OmniError INVALID_ARGUMENT for what is no source; NOT_FOUND for a file that is not there
 */
export async function openSource(source: UploadSource): Promise<OpenedSource> {
  if (typeof source === "string" || source instanceof URL) return fileSource(source);
  if (source instanceof Blob) return blobSource(source);
  const bytes = bytesOf(source);
  if (bytes) return { size: bytes.byteLength, repeatable: true, open: () => oneChunk(bytes) };
  if (typeof source !== "object" || source === null) throw noSource(source);
  if (isLoaded(source)) return loadedSource(source);
  if (isFormPart(source)) return formSource(source);
  if (Symbol.asyncIterator in source || Symbol.iterator in source)
    return { repeatable: false, open: () => chunksOf(source as AsyncIterable<Uint8Array | string>) };
  throw noSource(source);
}

async function fileSource(given: string | URL): Promise<OpenedSource> {
  const path = typeof given === "string" ? given : fileURLToPath(given);
  if (path === "") throw invalid("insert", "the path of the source is empty; give a file's path, or bytes as a Buffer");
  const info = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const code = cause.code === "ENOENT" || cause.code === "ENOTDIR" ? "NOT_FOUND" : "INVALID_ARGUMENT";
    throw new OmniError(code, {
      backend: "cloud",
      operation: "insert",
      path,
      reason: "the source is no file that can be read; text is taken for the path of a file, give content as a Buffer",
      outcome: "not-applied",
      cause,
    });
  });
  if (!info.isFile()) throw invalid("insert", "the source is no file", path);
  return { filename: basename(path), size: info.size, repeatable: true, open: () => createReadStream(path) };
}

function blobSource(blob: Blob): OpenedSource {
  return {
    ...("name" in blob && typeof blob.name === "string" ? { filename: blob.name } : {}),
    ...(blob.type === "" ? {} : { contentType: blob.type }),
    size: blob.size,
    repeatable: true,
    open: () => blob.stream(),
  };
}

async function loadedSource({ filename, contentType, metadata, data }: LoadedSource): Promise<OpenedSource> {
  const opened = await openSource(data.to === "memory" ? data.bytes : data.file);
  return { ...opened, filename, contentType, metadata };
}

function formSource(part: FormPart): OpenedSource {
  return {
    filename: part.filename,
    contentType: part.mimetype,
    repeatable: false,
    open: () => chunksOf(part.file),
    // The parser ends a stream past its limit as if the file were complete.
    atEnd: () => {
      if (part.file.truncated)
        throw new OmniError("TOO_LARGE", {
          backend: "cloud",
          operation: "insert",
          reason: "the form's parser cut the file at its limit; nothing was stored",
          outcome: "not-applied",
        });
    },
  };
}

function isLoaded(source: object): source is LoadedSource {
  return "data" in source && typeof source.data === "object" && source.data !== null && "to" in source.data && "path" in source;
}

function isFormPart(source: object): source is FormPart {
  return "file" in source && "filename" in source && typeof source.file === "object" && source.file !== null;
}

function bytesOf(source: unknown): Uint8Array | undefined {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return toBytes(source);
  return undefined;
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  if (bytes.byteLength > 0) yield bytes;
}

async function* chunksOf(source: Exclude<BodySource, string>): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of source as AsyncIterable<unknown>) yield toBytes(chunk);
}

function noSource(source: unknown): OmniError {
  return invalid("insert", `a source is a path, Buffer, Blob, File, stream, form part or loaded object, not ${typeof source}`);
}
