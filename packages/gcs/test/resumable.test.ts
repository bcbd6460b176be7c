import { createHasher, OmniError } from "@omni/core";
import { type GcsBackend, gcs } from "@omni/gcs";
import { type Reply, refusal, resource, type Seen, StoreDouble } from "./double.ts";

const CHUNK = 256 * 1024;
const UPLOAD = "/upload/storage/v1/b/photos/o";

const bytesOf = (length: number): Uint8Array => new Uint8Array(length).map((_, i) => i * 31 + (i >> 8));

function crcOf(bytes: Uint8Array): string {
  const hasher = createHasher("crc32c");
  hasher.update(bytes);
  return Buffer.from(hasher.digest(), "hex").toString("base64");
}

async function* pieces(bytes: Uint8Array, size = 50_000): AsyncGenerator<Uint8Array, undefined> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.slice(at, at + size);
}

/** A session by the rules of the store: https://cloud.google.com/storage/docs/performing-resumable-uploads */
class Session {
  received: Buffer = Buffer.alloc(0);
  nonce = "";
  cancelled = false;
  finished = false;
  hash: string | undefined;

  /** How many bytes of a request are kept. */
  keep = (length: number): number => length;

  answer(request: Seen): Reply {
    const { method, path, body, headers, query } = request;
    if (method === "POST") {
      this.nonce = JSON.parse(body.toString()).metadata["omni-nonce"];
      return { headers: { location: `http://elsewhere.example${UPLOAD}?uploadType=resumable&upload_id=s1` } };
    }
    if (method === "GET") return this.finished ? this.#object() : refusal(404, "notFound", "No such object: photos/a");
    if (path !== UPLOAD || query.get("upload_id") !== "s1") return { status: 404 };
    if (method === "DELETE") {
      this.cancelled = true;
      return { status: 499 };
    }
    const [, start, , total] = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(headers["content-range"] ?? "") ?? [];
    if (start !== undefined) {
      if (Number(start) !== this.received.byteLength) return { status: 400 };
      this.received = Buffer.concat([this.received, body.subarray(0, this.keep(body.byteLength))]);
    }
    if (total !== undefined && total !== "*" && Number(total) === this.received.byteLength) {
      this.finished = true;
      this.hash = headers["x-goog-hash"] as string | undefined;
    }
    if (this.finished) return this.#object();
    const range = this.received.byteLength === 0 ? {} : { range: `bytes=0-${this.received.byteLength - 1}` };
    return { status: 308, headers: range };
  }

  #object(): Reply {
    const metadata = { "omni-nonce": this.nonce };
    return { body: resource("a", { size: String(this.received.byteLength), crc32c: crcOf(this.received), metadata }) };
  }
}

interface Scene extends AsyncDisposable {
  readonly session: Session;
  readonly double: StoreDouble;
  readonly store: GcsBackend;
  /** The content ranges that were sent. */
  ranges(): readonly (string | undefined)[];
}

/** @param meddle answers in the session's place where it gives something */
async function scene(
  meddle: (request: Seen, session: Session, index: number) => Reply | undefined = () => undefined,
): Promise<Scene> {
  const session = new Session();
  const double = await StoreDouble.start((request, index) => meddle(request, session, index) ?? session.answer(request));
  const store = gcs({ bucket: "photos", apiEndpoint: double.url, chunkSizeBytes: CHUNK, maxAttempts: 3 });
  return {
    session,
    double,
    store,
    ranges: () => double.seen.filter(({ method }) => method === "PUT").map(({ headers }) => headers["content-range"]),
    async [Symbol.asyncDispose]() {
      await store.close();
      await double[Symbol.asyncDispose]();
    },
  };
}

async function failureOf(work: Promise<unknown>): Promise<OmniError> {
  const [result] = await Promise.allSettled([work]);
  if (result.status === "fulfilled" || !OmniError.is(result.reason)) throw new Error(`expected an OmniError: ${String(result)}`);
  return result.reason;
}

const BODY = bytesOf(2 * CHUNK + 1_000);
const TOTAL = BODY.byteLength;

test("a large body goes chunk by chunk, with its checksum at the end", async () => {
  await using at = await scene();
  const info = await at.store.write("a", pieces(BODY), { ifNoneMatch: "*" });
  expect(info.size).toBe(TOTAL);
  expect(Buffer.compare(at.session.received, BODY)).toBe(0);
  expect(at.session.hash).toBe(`crc32c=${crcOf(BODY)}`);
  expect(at.ranges()).toEqual([
    `bytes 0-${CHUNK - 1}/*`,
    `bytes ${CHUNK}-${2 * CHUNK - 1}/*`,
    `bytes ${2 * CHUNK}-${TOTAL - 1}/${TOTAL}`,
  ]);
  expect(at.double.seen[0]?.query.get("ifGenerationMatch")).toBe("0");
});

test("a body that ends with a chunk is ended by a request without bytes", async () => {
  await using at = await scene();
  await at.store.write("a", pieces(BODY.subarray(0, 2 * CHUNK)));
  expect(at.ranges()).toEqual([`bytes 0-${CHUNK - 1}/*`, `bytes ${CHUNK}-${2 * CHUNK - 1}/*`, `bytes */${2 * CHUNK}`]);
});

test("an empty stream and a stream of one chunk are one request", async () => {
  await using double = await StoreDouble.start(() => ({ body: resource("a") }));
  await using store = gcs({ bucket: "photos", apiEndpoint: double.url, chunkSizeBytes: CHUNK });
  await store.write("a", pieces(new Uint8Array()));
  await store.write("a", pieces(BODY.subarray(0, CHUNK)));
  expect(double.seen.map(({ query }) => query.get("uploadType"))).toEqual(["multipart", "multipart"]);
});

test("what the store did not keep is sent again", async () => {
  await using at = await scene();
  at.session.keep = (length) => Math.min(length, 100_000);
  await at.store.write("a", pieces(BODY));
  expect(Buffer.compare(at.session.received, BODY)).toBe(0);
});

test("after a failure the store is asked how far it is", async () => {
  let failed = false;
  await using at = await scene(({ method, headers }, session) => {
    if (method !== "PUT" || failed || headers["content-range"] === "bytes */*") return undefined;
    failed = true;
    session.received = Buffer.from(BODY.subarray(0, 1_000));
    return { status: 503 };
  });
  await at.store.write("a", pieces(BODY));
  expect(Buffer.compare(at.session.received, BODY)).toBe(0);
  expect(at.ranges().slice(0, 3)).toEqual([`bytes 0-${CHUNK - 1}/*`, "bytes */*", `bytes 1000-${CHUNK - 1}/*`]);
});

test("an upload whose last answer was lost is found finished", async () => {
  let lost = false;
  await using at = await scene((request, session) => {
    if (lost || !request.headers["content-range"]?.endsWith(`/${TOTAL}`)) return undefined;
    lost = true;
    session.answer(request);
    return { reset: true };
  });
  expect((await at.store.write("a", pieces(BODY))).size).toBe(TOTAL);
  expect(at.ranges().at(-1)).toBe("bytes */*");
});

test("an upload whose session is gone after its end is found by its nonce", async () => {
  let over = false;
  await using at = await scene((request, session) => {
    if (over && request.method === "PUT") return { status: 410 };
    if (!request.headers["content-range"]?.endsWith(`/${TOTAL}`)) return undefined;
    over = true;
    session.answer(request);
    return { reset: true };
  });
  expect((await at.store.write("a", pieces(BODY))).size).toBe(TOTAL);
});

test("a session that the store forgot is UNAVAILABLE, and nothing was written", async () => {
  await using at = await scene(({ method, headers }) =>
    method === "PUT" && headers["content-range"]?.startsWith(`bytes ${CHUNK}-`) ? { status: 410 } : undefined,
  );
  const error = await failureOf(at.store.write("a", pieces(BODY)));
  expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied", retryable: true });
  expect(error.message).toMatch(/forgotten the upload: write again|unavailable/);
});

test("an end in doubt that could be withdrawn was not applied", async () => {
  await using at = await scene(({ method, headers }) =>
    method === "PUT" && !headers["content-range"]?.endsWith("/*") ? { status: 500 } : undefined,
  );
  expect(await failureOf(at.store.write("a", pieces(BODY)))).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
  expect(at.session.cancelled).toBe(true);
});

test("a store that takes nothing does not keep a writer for ever", async () => {
  await using at = await scene();
  at.session.keep = () => 0;
  expect(await failureOf(at.store.write("a", pieces(BODY)))).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
  expect(at.session.cancelled).toBe(true);
});

test("an object with another checksum than its bytes is deleted", async () => {
  await using at = await scene(({ method, headers, query }, session) => {
    if (method === "DELETE" && query.has("ifGenerationMatch")) return { status: 204 };
    if (!headers["content-range"]?.endsWith(`/${TOTAL}`)) return undefined;
    return { body: resource("a", { crc32c: "AAAAAA==", metadata: { "omni-nonce": session.nonce } }) };
  });
  expect(await failureOf(at.store.write("a", pieces(BODY)))).toMatchObject({ code: "CHECKSUM_MISMATCH" });
  expect(at.double.log.at(-1)).toBe("DELETE /storage/v1/b/photos/o/a");
  expect(at.double.seen.at(-1)?.query.get("ifGenerationMatch")).toBe("100");
});

test("a source that throws ends the session, and its error is the writer's", async () => {
  await using at = await scene();
  const reason = new Error("the source broke");
  async function* source(): AsyncGenerator<Uint8Array, undefined> {
    yield* pieces(BODY.subarray(0, CHUNK + 5_000));
    throw reason;
  }
  await expect(at.store.write("a", source())).rejects.toMatchObject({ cause: reason });
  expect([at.session.cancelled, at.session.finished]).toEqual([true, false]);
});

test("an abort ends the session and nothing is sent after it", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  await using at = await scene(({ headers }) => {
    if (!headers["content-range"]?.startsWith(`bytes ${CHUNK}-`)) return undefined;
    controller.abort(reason);
    return { hang: true };
  });
  await expect(at.store.write("a", pieces(BODY), { signal: controller.signal })).rejects.toBe(reason);
  expect([at.session.cancelled, at.session.finished]).toEqual([true, false]);
  expect(at.double.log.at(-1)).toBe(`DELETE ${UPLOAD}`);
});

test("a source that hangs is let go of by an abort", async () => {
  const controller = new AbortController();
  await using at = await scene();
  let returned = false;
  const source = {
    [Symbol.asyncIterator]: () => ({
      pulls: 0,
      next(): Promise<IteratorResult<Uint8Array, undefined>> {
        if (this.pulls++ < 6) return Promise.resolve({ done: false, value: bytesOf(50_000) });
        setImmediate(() => controller.abort(new Error("enough")));
        return new Promise(() => {});
      },
      return(): Promise<IteratorResult<Uint8Array, undefined>> {
        returned = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
  await expect(at.store.write("a", source, { signal: controller.signal })).rejects.toThrow("enough");
  expect([at.session.finished, returned]).toEqual([false, true]);
});

test("a store that stands still stops its source within two chunks", async () => {
  let pulled = 0;
  const controller = new AbortController();
  await using at = await scene(({ method }) => (method === "PUT" ? { hang: true } : undefined));
  async function* endless(): AsyncGenerator<Uint8Array, undefined> {
    while (true) {
      pulled += 50_000;
      yield bytesOf(50_000);
      // The whole loop turns: whoever wants more has time to ask.
      await new Promise((resolve) => setImmediate(resolve));
      if (pulled > 10 * CHUNK) throw new Error("nobody holds the source back");
    }
  }
  const writing = at.store.write("a", endless(), { signal: controller.signal });
  writing.catch(() => {});
  let before = -1;
  for (let still = 0; still < 50; still = before === pulled ? still + 1 : 0) {
    before = pulled;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(pulled).toBeLessThanOrEqual(2 * CHUNK + 100_000);
  controller.abort(new Error("enough"));
  await expect(writing).rejects.toThrow("enough");
});
