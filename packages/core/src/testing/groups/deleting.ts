import type { Case, Group } from "../kit-case.ts";
import { STORED } from "../needs.ts";
import { bytesOf, pathsOf, writeAll } from "../objects.ts";

const cases: readonly Case[] = [
  {
    name: "a deleted object is gone",
    run: async ({ backend, check }) => {
      await backend.write("object", "x");
      await backend.delete("object");
      check.same("exists", await backend.exists("object"), false);
      await check.fails("read", backend.read("object"), "NOT_FOUND");
      await check.fails("stat", backend.stat("object"), "NOT_FOUND");
    },
  },
  {
    name: "deleting a missing object is no error",
    run: async ({ backend, check }) => {
      await backend.delete("no/such");
      await backend.write("object", "x");
      await backend.delete("object");
      await backend.delete("object");
      check.same("the listing", await pathsOf(backend), []);
    },
  },
  {
    name: "deleting an object leaves its neighbours",
    run: async ({ backend, check }) => {
      await writeAll(backend, ["a/b", "a/bc", "a/b-c", "a/c/b", "ab"]);
      await backend.delete("a/b");
      check.same("what is left", (await pathsOf(backend)).sort(), ["a/b-c", "a/bc", "a/c/b", "ab"]);
    },
  },
  {
    name: "deleting a folder's name deletes nothing in it",
    run: async ({ backend, check }) => {
      await writeAll(backend, ["folder/a", "folder/b"]);
      // A store with real directories may refuse; it never deletes what is in one.
      await backend.delete("folder").catch(() => {});
      check.same("what is left", (await pathsOf(backend)).sort(), ["folder/a", "folder/b"]);
    },
  },
  {
    name: "deleteMany deletes all, missing ones too",
    run: async ({ backend, check }) => {
      await writeAll(backend, ["a", "b", "c/d", "e"]);
      const report = await backend.deleteMany(["a", "c/d", "no/such"]);
      check.same("errors", report.errors, []);
      check.same("deleted", report.deleted, 3);
      check.same("what is left", (await pathsOf(backend)).sort(), ["b", "e"]);
    },
  },
  {
    name: "deleteMany takes an async iterable",
    run: async ({ backend, check }) => {
      await writeAll(backend, ["x/a", "x/b", "y"]);
      const paths = (async function* () {
        for await (const { path } of backend.list("x/")) yield path;
      })();
      check.same("deleted", (await backend.deleteMany(paths)).deleted, 2);
      check.same("what is left", await pathsOf(backend), ["y"]);
    },
  },
  {
    name: "deleteMany reports a bad path and goes on",
    run: async ({ backend, check }) => {
      await writeAll(backend, ["a", "b"]);
      const report = await backend.deleteMany(["a", "../b", "b"]);
      check.same(
        "errors",
        report.errors.map(({ path, error }) => [path, error.code]),
        [["../b", "INVALID_PATH"]],
      );
      check.same("what is left", await pathsOf(backend), []);
    },
  },
  {
    name: "deleteMany of nothing does nothing",
    run: async ({ backend, check }) => {
      await backend.write("a", "x");
      check.same("the report", await backend.deleteMany([]), { deleted: 0, errors: [] });
      check.same("what is left", await pathsOf(backend), ["a"]);
    },
  },
  {
    name: "purge deletes what begins with the prefix",
    run: async ({ backend, check }) => {
      await writeAll(backend, ["data/a", "data/b/c", "data.txt", "database/x", "other"]);
      check.same("deleted below the folder", (await backend.purge("data/")).deleted, 2);
      check.same("what is left", (await pathsOf(backend)).sort(), ["data.txt", "database/x", "other"]);
      check.same("deleted by the plain prefix", (await backend.purge("data")).deleted, 2);
      check.same("what is left then", await pathsOf(backend), ["other"]);
    },
  },
  {
    name: "purge of nothing is no error",
    run: async ({ backend, check }) => {
      await backend.write("a", "x");
      check.same("the report", await backend.purge("no/such/"), { deleted: 0, errors: [] });
      check.bytes("what is left", await bytesOf(backend, "a"), "x");
    },
  },
  {
    name: "deletes at once of one object are no error",
    run: async ({ backend, check }) => {
      await backend.write("object", "x");
      await Promise.all(Array.from({ length: 8 }, () => backend.delete("object")));
      check.same("exists", await backend.exists("object"), false);
    },
  },
];

/** Deleting. */
export const deleting: Group = { name: "deleting", needs: [STORED], cases };
