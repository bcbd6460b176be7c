import { createBackend, type DriverWriter, digestOf, type ObjectInfo, OmniError, type StorageDriver } from "@omni/core";

const TAKEN = Promise.resolve();

/** A driver whose writer takes pushes, and that keeps what became of them. */
function pushed(write?: DriverWriter["write"]): {
  driver: StorageDriver;
  chunks: Uint8Array[];
  aborted: unknown[];
  closed: () => boolean;
} {
  const chunks: Uint8Array[] = [];
  const aborted: unknown[] = [];
  let closed = false;
  const refuse = async (): Promise<never> => {
    throw new OmniError("NOT_SUPPORTED");
  };
  const driver: StorageDriver = {
    scheme: "pushed",
    features: { live: true, canStream: true },
    read: refuse,
    write: refuse,
    stat: refuse,
    list: async function* () {},
    delete: refuse,
    openWriter: (path) => ({
      write: (chunk) => {
        chunks.push(chunk);
        return write?.(chunk) ?? TAKEN;
      },
      close: async (): Promise<ObjectInfo> => {
        closed = true;
        return { path, size: chunks.reduce((sum, { byteLength }) => sum + byteLength, 0) };
      },
      abort: async (reason) => void aborted.push(reason),
    }),
  };
  return { driver, chunks, aborted, closed: () => closed };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a writer over a driver that takes pushes", () => {
  it("hands on every chunk as it came, empty ones too", async () => {
    const { driver, chunks } = pushed();
    const writer = createBackend(driver).createWriter("a");
    for (const text of ["one", "", "two"]) await writer.write(bytes(text));
    expect(await writer.close()).toEqual({ path: "a", size: 6 });
    expect(chunks.map((chunk) => Buffer.from(chunk).toString())).toEqual(["one", "", "two"]);
  });

  it("answers with one promise where the driver does, so that a chunk taken at once costs no promise", () => {
    const writer = createBackend(pushed().driver).createWriter("a");
    expect(writer.write(bytes("one"))).toBe(writer.write(bytes("two")));
  });

  it("gives each failed write its own rejection, with its context, and goes on after it", async () => {
    const answers = [TAKEN, Promise.reject(new OmniError("QUEUE_FULL")), TAKEN, Promise.reject(new Error("gone"))];
    for (const answer of answers) answer.catch(() => {});
    const writer = createBackend(pushed(() => answers.shift() ?? TAKEN).driver).createWriter("a");
    await writer.write(bytes("1"));
    await expect(writer.write(bytes("2"))).rejects.toMatchObject({ code: "QUEUE_FULL", operation: "write", path: "a" });
    await writer.write(bytes("3"));
    await expect(writer.write(bytes("4"))).rejects.toMatchObject({ code: "UNKNOWN", message: 'pushed write "a": gone' });
    await writer.write(bytes("5"));
  });

  it("compares what was pushed with sizeBytes, and aborts what is shorter or longer", async () => {
    const short = pushed();
    const writer = createBackend(short.driver).createWriter("a", { sizeBytes: 4 });
    await writer.write(bytes("one"));
    await expect(writer.close()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const long = pushed();
    await expect(createBackend(long.driver).createWriter("a", { sizeBytes: 2 }).write(bytes("one"))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    for (const { aborted, closed } of [short, long]) {
      expect(aborted).toHaveLength(1);
      expect(closed()).toBe(false);
    }
    expect(long.chunks).toHaveLength(0);
  });

  it("compares what was pushed with a checksum, and reports progress", async () => {
    const checksum = { algorithm: "sha256", value: await digestOf("sha256", bytes("onetwo")) } as const;
    const seen: number[] = [];
    const good = pushed();
    const writer = createBackend(good.driver).createWriter("a", { checksum, onProgress: ({ bytes }) => seen.push(bytes) });
    await writer.write(bytes("one"));
    await writer.write(bytes("two"));
    await writer.close();
    expect([seen, good.closed()]).toEqual([[3, 6], true]);

    const bad = pushed();
    const other = createBackend(bad.driver).createWriter("a", { checksum });
    await other.write(bytes("three"));
    await expect(other.close()).rejects.toMatchObject({ code: "CHECKSUM_MISMATCH" });
    expect([bad.aborted.length, bad.closed()]).toEqual([1, false]);
  });

  it("rejects with the reason of an abort itself", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const writer = createBackend(pushed(async () => controller.signal.throwIfAborted()).driver).createWriter("a", {
      signal: controller.signal,
    });
    await writer.write(bytes("one"));
    controller.abort(reason);
    await expect(writer.write(bytes("two"))).rejects.toBe(reason);
  });
});
