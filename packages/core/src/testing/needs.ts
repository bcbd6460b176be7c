import type { Backend } from "../backend.ts";
import type { Features } from "../features.ts";
import type { Need, Trial } from "./kit-case.ts";
import { recording } from "./recording.ts";
import { sample } from "./samples.ts";

const BODY = sample(100);
const NOW = new Date("2001-02-03T04:05:06.000Z");

/** A need whose absence is answered by NOT_SUPPORTED. */
function need(
  label: string,
  declared: Need["declared"],
  call: (backend: Backend) => Promise<unknown>,
  present: Need["present"],
): Need {
  return { label, declared, present, absent: (trial) => refusesBeforeAnyRequest(trial, label, call) };
}

/** Proves that a call is refused, and that neither the store was asked nor the source touched. */
async function refusesBeforeAnyRequest(
  { backend, check }: Trial,
  label: string,
  call: (backend: Backend) => Promise<unknown>,
): Promise<void> {
  const watched = recording(backend);
  const error = await check.fails(`${label}, which is not declared`, () => call(watched), "NOT_SUPPORTED");
  check.same("requests made to the driver", watched.requests.counts(), {});
  check.same("what the error says of the effect", error.outcome ?? "not-applied", "not-applied");
}

/** Objects are stored: written, kept, read as often as wanted. */
export const STORED: Need = need(
  "stored objects",
  (features) => !features.live,
  async (backend) => (await backend.read("needs", { offset: 1, limit: 1 })).bytes(),
  async ({ backend, check }) => {
    await backend.write("needs", BODY);
    for (const time of ["first", "second"]) check.bytes(`the ${time} read`, await (await backend.read("needs")).bytes(), BODY);
  },
);

export const CREATE: Need = need(
  "conditional create",
  (features) => features.conditional.create,
  (backend) => backend.write("needs", untouchable(), { ifNoneMatch: "*" }),
  async ({ backend, check }) => {
    await backend.write("needs", BODY, { ifNoneMatch: "*" });
    await check.fails("the second create", backend.write("needs", BODY, { ifNoneMatch: "*" }), "ALREADY_EXISTS");
  },
);

export const REPLACE: Need = need(
  "conditional replace",
  (features) => features.conditional.replace !== false,
  (backend) => backend.write("needs", untouchable(), { ifMatch: "an-etag" }),
  async ({ backend, check }) => {
    const { etag = "" } = await backend.write("needs", BODY);
    await backend.write("needs", "new", { ifMatch: etag });
    await check.fails("the second replace", backend.write("needs", BODY, { ifMatch: etag }), "PRECONDITION_FAILED");
  },
);

/** Etags that never repeat. Where they may, they still change with the content. */
export const GENERATION: Need = {
  label: "etags that never repeat",
  declared: (features) => features.conditional.replace === "generation",
  present: async ({ backend, check }) => {
    const first = await backend.write("needs", BODY);
    await backend.write("needs", "other");
    const again = await backend.write("needs", BODY);
    check.ok("the etag of the same bytes, written again, is another", first.etag !== undefined && first.etag !== again.etag);
  },
  absent: async (trial) => {
    const { backend, features, check } = trial;
    if (features.live) return STORED.absent(trial);
    const first = await backend.write("needs", BODY);
    const second = await backend.write("needs", "other");
    check.ok("the etag changes with the content, or there is none", first.etag === undefined || first.etag !== second.etag);
  },
};

export const CONDITIONAL_DELETE: Need = need(
  "conditional delete",
  (features) => features.conditional.delete,
  (backend) => backend.delete("needs", { ifMatch: "an-etag" }),
  async ({ backend, check }) => {
    const old = await backend.write("needs", BODY);
    const now = await backend.write("needs", "other");
    await check.fails(
      "the delete of an older version",
      backend.delete("needs", { ifMatch: old.etag ?? "" }),
      "PRECONDITION_FAILED",
    );
    await backend.delete("needs", { ifMatch: now.etag ?? "" });
    check.same("the object is there", await backend.exists("needs"), false);
  },
);

export const MODIFIED_AT: Need = need(
  "a modification time of the caller's",
  (features) => features.setModTime,
  (backend) => backend.write("needs", untouchable(), { modifiedAt: NOW }),
  async ({ backend, check }) => {
    await backend.write("needs", BODY, { modifiedAt: NOW });
    check.same("modifiedAt", (await backend.stat("needs")).modifiedAt?.toISOString(), NOW.toISOString());
  },
);

export const METADATA: Need = need(
  "metadata",
  (features) => features.customMetadata,
  (backend) => backend.write("needs", untouchable(), { metadata: { owner: "ada" } }),
  async ({ backend, check }) => {
    await backend.write("needs", BODY, { metadata: { owner: "ada" } });
    check.same("metadata", { ...(await backend.stat("needs")).metadata }, { owner: "ada" });
  },
);

export const CONTENT_HEADERS: Need = need(
  "content headers",
  (features) => features.contentHeaders,
  (backend) => backend.write("needs", untouchable(), { cacheControl: "no-store" }),
  async ({ backend, check }) => {
    await backend.write("needs", BODY, { cacheControl: "no-store" });
    check.same("cacheControl", (await backend.stat("needs")).cacheControl, "no-store");
  },
);

export const STAMPS: Need = need(
  "stamps",
  (features) => features.stamps,
  (backend) => backend.write("needs", untouchable(), { stamp: { id: "write-1", counter: 1 } }),
  async ({ backend, check }) => {
    await backend.write("needs", BODY, { stamp: { id: "write-1", counter: 7 } });
    check.same("stamp", { ...(await backend.stat("needs")).stamp }, { id: "write-1", counter: 7 });
  },
);

export const HASHES: Need = {
  label: "digests",
  declared: (features) => features.hashes.length > 0,
  present: async ({ backend, features, check }) => {
    await backend.write("needs", BODY);
    check.same("algorithms in stat", algorithmsOf(features, (await backend.stat("needs")).hashes), [...features.hashes].sort());
  },
  absent: async (trial) => {
    const { backend, features, check } = trial;
    if (features.live) return STORED.absent(trial);
    await backend.write("needs", BODY);
    check.same("digests in stat, though none is declared", Object.keys((await backend.stat("needs")).hashes ?? {}), []);
  },
};

function algorithmsOf(features: Features, hashes: object | undefined): string[] {
  return features.hashes.filter((algorithm) => hashes !== undefined && algorithm in hashes).sort();
}

export const STAGING: Need = need(
  "staging",
  (features) => features.stagedWrite !== "none",
  (backend) => backend.stage("needs", untouchable()),
  async ({ backend, check }) => {
    const staged = await backend.stage("needs", BODY);
    check.same("the object is there before the commit", await backend.exists("needs"), false);
    await staged.commit();
    check.bytes("the object after it", await (await backend.read("needs")).bytes(), BODY);
  },
);

export const RESUME: Need = need(
  "resuming a staged write",
  (features) => features.resumeStage,
  (backend) => backend.resumeStage("needs", "a-token"),
  async ({ backend, check }) => {
    const { token } = await backend.stage("needs", BODY);
    const again = await backend.resumeStage("needs", token);
    check.same("state", again.state, "staged");
    await again.commit();
    check.bytes("the object", await (await backend.read("needs")).bytes(), BODY);
  },
);

export const SET_METADATA: Need = need(
  "changing metadata",
  (features) => features.setMetadata,
  (backend) => backend.setMetadata("needs", {}),
  async ({ backend, check }) => {
    await backend.write("needs", BODY);
    await backend.setMetadata("needs", {});
    check.bytes("the bytes after it", await (await backend.read("needs")).bytes(), BODY);
  },
);

export const MKDIR: Need = need(
  "making a directory",
  (features) => features.mkdir,
  (backend) => backend.mkdir("needs"),
  async ({ backend }) => {
    await backend.mkdir("needs/deep");
    await backend.mkdir("needs/deep");
  },
);

export const RMDIR: Need = need(
  "removing a directory",
  (features) => features.rmdir,
  (backend) => backend.rmdir("needs"),
  async ({ backend }) => {
    await backend.rmdir("needs");
  },
);

export const SIGN_URL: Need = need(
  "signing a URL",
  (features) => features.signUrl,
  (backend) => backend.signUrl("needs"),
  async ({ backend, check }) => {
    await backend.write("needs", BODY);
    const signed = await backend.signUrl("needs", { expiresInSeconds: 60 });
    check.same("method", signed.method, "GET");
    check.ok("it is a URL", URL.canParse(signed.url));
    check.ok("it ends in the future", signed.expiresAt.getTime() > Date.now());
  },
);

/** Every ability that a store may lack. */
export const NEEDS: readonly Need[] = [
  STORED,
  CREATE,
  REPLACE,
  GENERATION,
  CONDITIONAL_DELETE,
  MODIFIED_AT,
  METADATA,
  CONTENT_HEADERS,
  STAMPS,
  HASHES,
  STAGING,
  RESUME,
  SET_METADATA,
  MKDIR,
  RMDIR,
  SIGN_URL,
];

/** A source of which nothing must be taken. */
function untouchable(): AsyncIterable<Uint8Array> {
  const next = (): never => {
    throw new Error("the source was read although the call is not supported");
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}
