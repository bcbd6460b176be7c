import type { Case, Group } from "../kit-case.ts";
import { CONTENT_HEADERS, CREATE, METADATA, REPLACE, RESUME, STAGING, STAMPS, STORED } from "../needs.ts";
import { bytesOf, pathsOf } from "../objects.ts";
import { LargeBody, pieces, sample, stream } from "../samples.ts";

const BEFORE = sample(20_000, 5);
const BODY = sample(200_000, 6);

const commits: readonly Case[] = [
  {
    name: "staged bytes are invisible until the commit",
    run: async ({ backend, check }) => {
      const staged = await backend.stage("object", stream(pieces(BODY, 30_000)));
      check.same("state", staged.state, "staged");
      check.same("exists", await backend.exists("object"), false);
      check.same("the listing", await pathsOf(backend), []);
      const info = await staged.commit();
      check.same("the answer", { path: info.path, size: info.size }, { path: "object", size: BODY.byteLength });
      check.bytes("the object", await bytesOf(backend, "object"), BODY);
      check.same("the listing afterwards", await pathsOf(backend), ["object"]);
    },
  },
  {
    name: "the former object stays until the commit",
    run: async ({ backend, check }) => {
      await backend.write("object", BEFORE.slice());
      const staged = await backend.stage("object", BODY.slice());
      check.bytes("before", await bytesOf(backend, "object"), BEFORE);
      await staged.commit();
      check.bytes("after", await bytesOf(backend, "object"), BODY);
    },
  },
  {
    name: "a second commit gives the same answer and changes nothing",
    run: async ({ backend, check }) => {
      const staged = await backend.stage("object", BODY.slice());
      const first = await staged.commit();
      await backend.write("object", "later");
      const second = await staged.commit();
      check.same("etag", second.etag, first.etag);
      check.bytes("the object", await bytesOf(backend, "object"), "later");
    },
  },
  {
    name: "an empty object can be staged",
    run: async ({ backend, check }) => {
      for (const [path, body] of [
        ["whole", ""],
        ["streamed", stream([])],
      ] as const) {
        const staged = await backend.stage(path, body);
        check.same(`${path} exists before`, await backend.exists(path), false);
        await staged.commit();
        check.same(`size of ${path}`, (await backend.stat(path)).size, 0);
      }
    },
  },
  {
    name: "a body of known length waits for the commit too",
    run: async ({ backend, check }) => {
      const staged = await backend.stage("object", stream(pieces(BODY, 30_000)), { sizeBytes: BODY.byteLength });
      check.same("exists", await backend.exists("object"), false);
      await staged.commit();
      check.bytes("the object", await bytesOf(backend, "object"), BODY);
    },
  },
  {
    name: "a large object can be staged",
    run: async ({ backend, check, sizes }) => {
      const body = new LargeBody(Math.floor(sizes.largeBytes / 2), 11);
      const staged = await backend.stage("large", stream(body));
      check.same("exists", await backend.exists("large"), false);
      await staged.commit();
      check.same("size", (await backend.stat("large")).size, body.bytes);
    },
  },
  {
    name: "headers and metadata are committed with the bytes",
    needs: [CONTENT_HEADERS, METADATA],
    run: async ({ backend, check }) => {
      const staged = await backend.stage("object", BODY.slice(), { contentType: "text/x-sample", metadata: { a: "1" } });
      await staged.commit();
      const { contentType, metadata } = await backend.stat("object");
      check.same(
        "what stat shows",
        { contentType, metadata: { ...metadata } },
        { contentType: "text/x-sample", metadata: { a: "1" } },
      );
    },
  },
  {
    name: "the stamp is committed with the bytes",
    needs: [STAMPS],
    run: async ({ backend, check }) => {
      const stamp = { id: "write-7", counter: 3 };
      await (await backend.stage("object", BODY.slice(), { stamp })).commit();
      check.same("stamp", { ...(await backend.stat("object")).stamp }, stamp);
    },
  },
];

const discards: readonly Case[] = [
  {
    name: "discarded bytes never appear",
    run: async ({ backend, check }) => {
      const staged = await backend.stage("object", stream(pieces(BODY, 30_000)));
      await staged.discard();
      check.same("the listing", await pathsOf(backend), []);
      await check.fails("commit", () => staged.commit(), "NOT_FOUND");
      check.same("exists", await backend.exists("object"), false);
    },
  },
  {
    name: "a discard leaves the former object",
    run: async ({ backend, check }) => {
      await backend.write("object", BEFORE.slice());
      await (await backend.stage("object", BODY.slice())).discard();
      check.bytes("the object", await bytesOf(backend, "object"), BEFORE);
    },
  },
  {
    name: "a second discard is no error",
    run: async ({ backend, check }) => {
      const staged = await backend.stage("object", BODY.slice());
      await staged.discard();
      await staged.discard();
      check.same("exists", await backend.exists("object"), false);
    },
  },
  {
    name: "a discard after the commit keeps the object",
    run: async ({ backend, check }) => {
      const staged = await backend.stage("object", BODY.slice());
      await staged.commit();
      await staged.discard();
      check.bytes("the object", await bytesOf(backend, "object"), BODY);
    },
  },
  {
    name: "a source that throws stages nothing",
    run: async ({ backend, check }) => {
      const reason = new Error("the source broke");
      const outcome = await backend
        .stage(
          "object",
          stream(pieces(BODY, 30_000), (index) => (index === 3 ? Promise.reject(reason) : undefined)),
        )
        .then(
          () => "staged",
          () => "failed",
        );
      check.same("the outcome", outcome, "failed");
      check.same("the listing", await pathsOf(backend), []);
    },
  },
];

const condition: readonly Case[] = [
  {
    name: "a condition given when staging holds at the commit",
    needs: [CREATE],
    run: async ({ backend, check }) => {
      const staged = await backend.stage("object", stream(pieces(BODY, 30_000)), { ifNoneMatch: "*" });
      await backend.write("object", "was faster");
      await check.fails("commit", () => staged.commit(), "ALREADY_EXISTS");
      check.bytes("the object", await bytesOf(backend, "object"), "was faster");
    },
  },
  {
    name: "ifNoneMatch is evaluated at the commit",
    needs: [CREATE],
    run: async ({ backend, check }) => {
      const staged = await backend.stage("object", BODY.slice());
      await backend.write("object", "was faster");
      await check.fails("commit", () => staged.commit({ ifNoneMatch: "*" }), "ALREADY_EXISTS");
      check.bytes("the object", await bytesOf(backend, "object"), "was faster");
    },
  },
  {
    name: "ifMatch is evaluated at the commit",
    needs: [REPLACE],
    run: async ({ backend, check }) => {
      const { etag = "no etag" } = await backend.write("object", "first");
      const staged = await backend.stage("object", BODY.slice());
      await backend.write("object", "second");
      await check.fails("commit", () => staged.commit({ ifMatch: etag }), "PRECONDITION_FAILED");
      check.bytes("the object", await bytesOf(backend, "object"), "second");
    },
  },
  {
    name: "a commit whose condition holds goes through",
    needs: [REPLACE],
    run: async ({ backend, check }) => {
      const { etag = "no etag" } = await backend.write("object", "first");
      const staged = await backend.stage("object", BODY.slice());
      await staged.commit({ ifMatch: etag });
      check.bytes("the object", await bytesOf(backend, "object"), BODY);
    },
  },
];

const resumed: readonly Case[] = [
  {
    name: "a token finds the staged bytes again",
    needs: [RESUME],
    run: async ({ backend, check }) => {
      const { token } = await backend.stage("object", stream(pieces(BODY, 30_000)));
      check.ok("the token is a small string", typeof token === "string" && token.length > 0 && token.length <= 2_048);
      const again = await backend.resumeStage("object", token);
      check.same("what it found", { state: again.state, token: again.token }, { state: "staged", token });
      await again.commit();
      check.bytes("the object", await bytesOf(backend, "object"), BODY);
    },
  },
  {
    name: "a token of a committed write says so",
    needs: [RESUME],
    run: async ({ backend, check }) => {
      const staged = await backend.stage("object", BODY.slice());
      const info = await staged.commit();
      const again = await backend.resumeStage("object", staged.token);
      check.same("state", again.state, "committed");
      check.same("etag of its commit", (await again.commit()).etag, info.etag);
      await again.discard();
      check.bytes("the object", await bytesOf(backend, "object"), BODY);
    },
  },
  {
    name: "a token of a discarded write is gone",
    needs: [RESUME],
    run: async ({ backend, check }) => {
      const staged = await backend.stage("object", BODY.slice());
      await staged.discard();
      const again = await backend.resumeStage("object", staged.token);
      check.same("state", again.state, "gone");
      await check.fails("commit", () => again.commit(), "NOT_FOUND");
      await again.discard();
      check.same("exists", await backend.exists("object"), false);
    },
  },
  {
    name: "a committed write that was replaced never comes back",
    needs: [RESUME],
    run: async ({ backend, check }) => {
      const staged = await backend.stage("object", BODY.slice());
      await staged.commit();
      await backend.write("object", "later");
      const again = await backend.resumeStage("object", staged.token);
      check.ok(`state is committed or gone, not ${again.state}`, again.state !== "staged");
      await again.commit().then(
        () => {},
        (error: unknown) => check.fails("commit", Promise.reject(error), "NOT_FOUND"),
      );
      check.bytes("the object", await bytesOf(backend, "object"), "later");
    },
  },
];

/** Writes that wait for their commit. */
export const staging: Group = {
  name: "staging",
  needs: [STORED, STAGING],
  cases: [...commits, ...discards, ...condition, ...resumed],
};
