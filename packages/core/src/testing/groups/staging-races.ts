import { OmniError } from "../../error.ts";
import type { Case, Group, Need } from "../kit-case.ts";
import { CREATE, RESUME, STAGING, STORED } from "../needs.ts";
import { bytesOf, pathsOf } from "../objects.ts";
import { pieces, sample, stream } from "../samples.ts";

const BODY = sample(200_000, 8);

/** Staged bytes outlive the process: then a second backend must find them. Elsewhere a token is of no use to anybody else. */
const DURABLE_STAGING: Need = {
  label: "staged bytes that outlive the process",
  declared: (features) => features.stagedWrite === "durable",
  present: async () => {},
  absent: async ({ backend, features, check }) => {
    check.ok("stagedWrite is one of its values", ["process", "held", "none"].includes(features.stagedWrite));
    if (features.stagedWrite === "held") check.same("resumeStage", backend.supports("resumeStage"), false);
  },
};

/** Objects outlive the process. */
const DURABLE: Need = {
  label: "objects that outlive the process",
  declared: (features) => features.durable !== "process" && !features.live,
  present: async () => {},
  absent: async ({ features, check }) =>
    check.ok("stagedWrite is not durable where objects are not", features.stagedWrite !== "durable"),
};

const races: readonly Case[] = [
  {
    name: "two handles of one token commit once",
    needs: [RESUME],
    run: async ({ backend, check }) => {
      const first = await backend.stage("object", BODY.slice());
      const second = await backend.resumeStage("object", first.token);
      const infos = await Promise.all([first.commit(), second.commit(), first.commit()]);
      check.same("etags", new Set(infos.map(({ etag }) => etag)).size, 1);
      check.bytes("the object", await bytesOf(backend, "object"), BODY);
    },
  },
  {
    name: "a handle whose write another committed gives its answer",
    needs: [RESUME],
    run: async ({ backend, check }) => {
      const first = await backend.stage("object", BODY.slice());
      const info = await (await backend.resumeStage("object", first.token)).commit();
      check.same("etag", (await first.commit()).etag, info.etag);
      await first.discard();
      check.bytes("the object", await bytesOf(backend, "object"), BODY);
    },
  },
  {
    name: "a commit and a discard at once end in one of both",
    run: async ({ backend, check }) => {
      const staged = await backend.stage("object", BODY.slice());
      const [committed] = await Promise.allSettled([staged.commit(), staged.discard()]);
      check.same("the object is there", await backend.exists("object"), committed.status === "fulfilled");
      if (committed.status === "rejected") check.ok("the commit found its token gone", OmniError.is(committed.reason, "NOT_FOUND"));
    },
  },
  {
    name: "eight staged creates committed at once: one wins",
    needs: [CREATE],
    run: async ({ backend, check }) => {
      const staged = await Promise.all(Array.from({ length: 8 }, (_, i) => backend.stage("object", `rival ${i}`)));
      const results = await Promise.allSettled(staged.map((one) => one.commit({ ifNoneMatch: "*" })));
      const winners = results.flatMap(({ status }, i) => (status === "fulfilled" ? [i] : []));
      check.same("winners", winners.length, 1);
      for (const result of results)
        if (result.status === "rejected") check.same("the others", OmniError.is(result.reason, "ALREADY_EXISTS"), true);
      check.bytes("the object", await bytesOf(backend, "object"), `rival ${winners[0]}`);
    },
  },
  {
    name: "several staged writes of one path do not mix",
    run: async ({ backend, check }) => {
      const [one, two] = await Promise.all([backend.stage("object", stream(pieces(BODY, 30_000))), backend.stage("object", "two")]);
      await two.commit();
      check.bytes("after the one", await bytesOf(backend, "object"), "two");
      await one.commit();
      check.bytes("after the other", await bytesOf(backend, "object"), BODY);
      check.same("the listing", await pathsOf(backend), ["object"]);
    },
  },
  {
    name: "staged bytes survive a write and a delete of their path",
    run: async ({ backend, check }) => {
      const staged = await backend.stage("object", BODY.slice());
      await backend.write("object", "x");
      await backend.delete("object");
      await staged.commit();
      check.bytes("the object", await bytesOf(backend, "object"), BODY);
    },
  },
];

const durable: readonly Case[] = [
  {
    name: "another backend finds the staged bytes and commits them",
    needs: [DURABLE_STAGING, RESUME],
    run: async ({ backend, check, reopen }) => {
      const { token } = await backend.stage("object", stream(pieces(BODY, 30_000)));
      const other = await reopen();
      const staged = await other.resumeStage("object", token);
      check.same("state", staged.state, "staged");
      await staged.commit();
      check.bytes("the object, seen by the first", await bytesOf(backend, "object"), BODY);
    },
  },
  {
    name: "staged bytes outlive the backend that staged them",
    needs: [DURABLE_STAGING, RESUME],
    run: async ({ backend, check, reopen }) => {
      const { token } = await backend.stage("object", BODY.slice());
      const other = await reopen();
      await backend.close();
      await (await other.resumeStage("object", token)).commit();
      check.bytes("the object", await bytesOf(other, "object"), BODY);
    },
  },
  {
    name: "another backend's commit is seen by the first handle",
    needs: [DURABLE_STAGING, RESUME],
    run: async ({ backend, check, reopen }) => {
      const staged = await backend.stage("object", BODY.slice());
      const info = await (await (await reopen()).resumeStage("object", staged.token)).commit();
      check.same("etag of the first's commit", (await staged.commit()).etag, info.etag);
    },
  },
  {
    name: "another backend's discard is seen by the first handle",
    needs: [DURABLE_STAGING, RESUME],
    run: async ({ backend, check, reopen }) => {
      const staged = await backend.stage("object", BODY.slice());
      await (await (await reopen()).resumeStage("object", staged.token)).discard();
      await check.fails("commit", () => staged.commit(), "NOT_FOUND");
      check.same("exists", await backend.exists("object"), false);
    },
  },
  {
    name: "objects outlive the backend that wrote them",
    needs: [DURABLE],
    run: async ({ backend, check, reopen }) => {
      const other = await reopen();
      await backend.write("object", BODY.slice());
      await backend.close();
      check.bytes("the object", await bytesOf(other, "object"), BODY);
    },
  },
];

/** Staged writes that meet each other, or another process. */
export const stagingRaces: Group = { name: "staging, shared", needs: [STORED, STAGING], cases: [...races, ...durable] };
