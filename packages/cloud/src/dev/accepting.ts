import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { Busboy, type BusboyHeaders, type BusboyInstance } from "@fastify/busboy";
import type { Backend } from "@omni/core";
import { bareType } from "../content.ts";
import type { Grant } from "../local-signing.ts";
import { Refusal } from "./answer.ts";

/** Takes the body of a signed PUT. */
export async function acceptPut(request: IncomingMessage, response: ServerResponse, backend: Backend, grant: Grant): Promise<void> {
  const type = request.headers["content-type"];
  checkType(grant, type);
  const length = request.headers["content-length"];
  const sizeBytes = length === undefined ? undefined : Number(length);
  if (sizeBytes !== undefined) checkSize(grant, sizeBytes);
  const info = await backend.write(grant.path, limited(request, grant), {
    ...(backend.features.contentHeaders && type !== undefined ? { contentType: type } : {}),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  });
  response.writeHead(200, info.etag === undefined ? {} : { etag: `"${encodeURIComponent(info.etag)}"` }).end();
}

/** What is known of a form when its file begins. */
export type FormFields = Readonly<Record<string, string>>;

/**
 * Takes the file of a signed form. The policy comes before the file: without a good one not a byte of it is read.
 *
 * @param grantOf the grant of the form's fields
 * @throws Refusal
 */
export async function acceptForm(
  request: IncomingMessage,
  response: ServerResponse,
  grantOf: (fields: FormFields) => Promise<{ readonly grant: Grant; readonly backend: Backend }>,
): Promise<void> {
  const form = parserOf(request);
  const fields: Record<string, string> = Object.create(null);
  const stored = new Promise<void>((resolve, reject) => {
    let file: Readable | undefined;
    // Whoever reads the file has to hear that there will be no more of it.
    const fail = (words: string) => (): void => {
      const refusal = new Refusal(400, words);
      if (!file?.destroyed) file?.destroy(refusal);
      reject(refusal);
    };
    form.on("field", (name, value) => {
      fields[name.toLowerCase()] = value;
    });
    form.on("file", (_name, stream, _filename, _encoding, mimeType) => {
      file = stream;
      // The parser tells the file of a broken form. Its reader hears of it by itself; when that is gone, nobody needs to.
      stream.on("error", () => {});
      storeFile(stream, fields, mimeType, grantOf).then(resolve, reject);
    });
    form.on("finish", () => {
      if (!file) fail("the form has no file")();
    });
    form.on("error", fail("the form cannot be read"));
    request.on("error", fail("the request was broken off"));
  });
  request.pipe(form);
  try {
    await stored;
  } finally {
    request.unpipe(form);
  }
  response.writeHead(204).end();
}

async function storeFile(
  stream: Readable,
  fields: FormFields,
  mimeType: string,
  grantOf: Parameters<typeof acceptForm>[2],
): Promise<void> {
  const { grant, backend } = await grantOf(fields);
  checkType(grant, fields["content-type"] ?? mimeType);
  const contentType = grant.contentType ?? fields["content-type"] ?? mimeType;
  await backend.write(grant.path, limited(stream, grant), backend.features.contentHeaders ? { contentType } : {});
}

function parserOf(request: IncomingMessage): BusboyInstance {
  try {
    return new Busboy({
      headers: request.headers as BusboyHeaders,
      limits: { files: 1, fields: 30, fieldSize: 16 * 1024, headerPairs: 50 },
    });
  } catch {
    throw new Refusal(400, "a signed POST is a multipart form");
  }
}

function checkType(grant: Grant, type: string | undefined): void {
  if (grant.contentType !== undefined && (type === undefined || bareType(type) !== bareType(grant.contentType)))
    throw new Refusal(403, `the content type has to be ${grant.contentType}`);
}

function checkSize({ minBytes = 0, maxBytes = Number.POSITIVE_INFINITY }: Grant, bytes: number): void {
  if (bytes > maxBytes) throw new Refusal(413, `at most ${maxBytes} bytes`);
  if (bytes < minBytes) throw new Refusal(400, `at least ${minBytes} bytes`);
}

/** The bytes, as long as they keep to the grant; its error before their end publishes nothing. */
async function* limited(source: AsyncIterable<Uint8Array>, grant: Grant): AsyncGenerator<Uint8Array, void> {
  let bytes = 0;
  try {
    for await (const chunk of source) {
      bytes += chunk.byteLength;
      if (bytes > (grant.maxBytes ?? Number.POSITIVE_INFINITY)) checkSize(grant, bytes);
      yield chunk;
    }
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(400, "the upload was broken off");
  }
  checkSize(grant, bytes);
}
