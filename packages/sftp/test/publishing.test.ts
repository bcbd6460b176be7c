import { ConnectionLost } from "../src/errors.ts";
import { Layout } from "../src/layout.ts";
import type { Pool } from "../src/pool.ts";
import { publish, reasonOf } from "../src/publishing.ts";
import type { Session } from "../src/session.ts";

const layout = new Layout({ root: "/srv", directoryMode: undefined });
const publication = { path: "object", from: "/srv/.omni/tmp/t", isCreate: false, fsync: false };

function failure(code: number): Error {
  return Object.assign(new Error("said by the server"), { code });
}

/** A server that has files by name and fails as told; everything else that is asked of it is a mistake. */
function serverWith(files: Set<string>, has: Partial<Session>): Pool {
  const session: Partial<Session> = {
    look: async (path: string) => {
      if (!files.has(path)) throw failure(2);
      return { isDirectory: () => false, isFile: () => true } as Awaited<ReturnType<Session["look"]>>;
    },
    rename: async (from: string, to: string) => {
      if (files.has(to)) throw failure(4);
      files.delete(from);
      files.add(to);
    },
    ...has,
  };
  return { take: async () => ({ session, release: () => {} }) } as unknown as Pool;
}

describe("a server without posix-rename@openssh.com", () => {
  const has = { replace: async () => false };

  it("publishes where nothing is", async () => {
    const files = new Set(["/srv/.omni/tmp/t"]);
    expect(await publish(serverWith(files, has), layout, publication)).toBe("published");
    expect([...files]).toEqual(["/srv/object"]);
  });

  it("is not made to delete an object first", async () => {
    const files = new Set(["/srv/.omni/tmp/t", "/srv/object"]);
    await expect(publish(serverWith(files, has), layout, publication)).rejects.toMatchObject({
      code: "NOT_SUPPORTED",
      outcome: "not-applied",
    });
    expect(files.size).toBe(2);
  });
});

it("a file that is not there from the beginning was not published", async () => {
  const replace = async (): Promise<boolean> => {
    throw failure(2);
  };
  expect(await publish(serverWith(new Set(), { replace }), layout, publication)).toBe("missing");
});

describe("an answer that is lost", () => {
  /** Loses the answers of so many renames, after or before they are done. */
  function losing(answers: number, isDone: boolean, files: Set<string>): Pool {
    let left = answers;
    const replace = async (from: string, to: string): Promise<boolean> => {
      const isLost = left-- > 0;
      if (!files.has(from)) throw failure(2);
      if (!isLost || isDone) {
        files.delete(from);
        files.add(to);
      }
      if (isLost) throw new ConnectionLost("lost");
      return true;
    };
    return serverWith(files, { replace });
  }

  it("of a rename that was done is found out by the file that is gone", async () => {
    const files = new Set(["/srv/.omni/tmp/t", "/srv/object"]);
    expect(await publish(losing(1, true, files), layout, publication)).toBe("taken");
    expect([...files]).toEqual(["/srv/object"]);
  });

  it("of a rename that was not done is found out by the file that is there, and it is done", async () => {
    const files = new Set(["/srv/.omni/tmp/t"]);
    expect(await publish(losing(2, false, files), layout, publication)).toBe("published");
    expect([...files]).toEqual(["/srv/object"]);
  });

  it("again and again leaves the outcome unknown", async () => {
    await expect(publish(losing(9, false, new Set(["/srv/.omni/tmp/t"])), layout, publication)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      outcome: "unknown",
      retryable: true,
    });
  });
});

describe("a bare failure", () => {
  const ask = (isFull: boolean | undefined): Promise<unknown> =>
    reasonOf({ isFull: async () => isFull } as unknown as Session, layout, failure(4));

  it("is a full file system where the server says so", async () => {
    expect(await ask(true)).toMatchObject({
      code: "UNAVAILABLE",
      retryable: false,
      outcome: "not-applied",
      message: expect.stringContaining("file system is full"),
    });
  });

  it.each([false, undefined])("stays what it is otherwise (%s)", async (isFull) => {
    expect(await ask(isFull)).toMatchObject({ code: 4 });
  });
});
