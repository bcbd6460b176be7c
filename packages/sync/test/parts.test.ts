import { type Backend, OmniError } from "@omni/core";
import { type Fault, faulty } from "@omni/core/testing";
import { memory } from "@omni/memory";
import { migrate, type SyncReport } from "@omni/sync";
import { counted, listed } from "./trees.ts";

const MIB = 1024 * 1024;
const body = Buffer.alloc(40 * MIB + 11, "The bytes of a large object. ");

/** The source's range that holds this byte cannot be read. */
function unreadable(offset: number): Fault {
  return {
    on: "read",
    do: "fail",
    error: () => new OmniError("PERMISSION_DENIED"),
    when: ({ args }) => (args[1] as { offset?: number }).offset === offset,
  };
}

async function bytesAt(backend: Backend): Promise<Buffer> {
  return Buffer.from(await (await backend.read("large")).bytes());
}

describe("a large object that is kept in parts", () => {
  let from: Backend;
  let to: Backend;
  let journal: Backend;
  beforeEach(async () => {
    [from, to, journal] = [memory(), memory(), memory()];
    await from.write("large", body);
  });

  const run = (source: Backend): Promise<SyncReport> =>
    migrate({ from: source, to, journal, keepPartsAboveBytes: MIB, rangeStreams: 2, retries: 0 });
  const parts = async (): Promise<string[]> =>
    (await listed(journal)).map(({ path }) => path).filter((path) => path.includes("/parts/"));

  test("goes on where it was cut off: only what is missing is read again", async () => {
    const cut = await run(faulty(from, [unreadable(32 * MIB)]));
    expect(cut.failures.map(({ error }) => error.code)).toEqual(["PERMISSION_DENIED"]);
    expect(await listed(to)).toEqual([]);
    const kept = (await parts()).length;
    expect(kept).toBeGreaterThanOrEqual(4);

    const source = counted(from);
    expect(await run(source.backend)).toMatchObject({ ok: true, bytes: body.byteLength, proofs: { digest: 1 } });
    expect(source.counts.read).toBe(6 - kept);
    expect((await bytesAt(to)).equals(body)).toBe(true);
    expect(await parts()).toEqual([]);
  });

  test("takes no part of another version", async () => {
    await run(faulty(from, [unreadable(32 * MIB)]));
    const other = Buffer.alloc(body.byteLength, "Other bytes. ");
    await from.write("large", other);
    expect((await run(from)).ok).toBe(true);
    expect((await bytesAt(to)).equals(other)).toBe(true);
    expect(await parts()).toEqual([]);
  });

  test("fetches a part again that is not what it was", async () => {
    await run(faulty(from, [unreadable(32 * MIB)]));
    const [damaged = ""] = await parts();
    await journal.write(damaged, Buffer.alloc(8 * MIB));
    const report = await migrate({ from, to, journal, keepPartsAboveBytes: MIB, retries: 1 });
    expect(report.ok).toBe(true);
    expect((await bytesAt(to)).equals(body)).toBe(true);
  });
});
