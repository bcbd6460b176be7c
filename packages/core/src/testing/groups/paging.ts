import type { Case, Group, Trial } from "../kit-case.ts";
import { STORED } from "../needs.ts";
import { numbered, pathsOf, writeAll } from "../objects.ts";

/** Enough objects for several pages, in the order of their paths. */
async function fill({ backend, sizes }: Trial, prefix = "page/"): Promise<string[]> {
  const paths = numbered(prefix, sizes.pagedObjects);
  await writeAll(backend, paths);
  return paths;
}

const cases: readonly Case[] = [
  {
    name: "every object of several pages is listed once",
    run: async (trial) => {
      const { backend, sizes, features, check } = trial;
      const paths = await fill(trial);
      const listed = await pathsOf(backend, "", { pageSize: sizes.pageSize });
      check.same("how many", listed.length, paths.length);
      check.same("the order", features.sortedList ? listed : [...listed].sort(), paths);
    },
  },
  {
    name: "a prefix with several pages, among others",
    run: async (trial) => {
      const { backend, sizes, check } = trial;
      await writeAll(backend, ["a", "page-", "page0", "z"]);
      const paths = await fill(trial);
      check.same("paths", (await pathsOf(backend, "page/", { pageSize: sizes.pageSize })).sort(), paths);
    },
  },
  {
    name: "several pages of groups",
    run: async ({ backend, check, sizes }) => {
      const folders = numbered("", Math.ceil(sizes.pagedObjects / 2)).map((name) => `${name}/`);
      await writeAll(
        backend,
        folders.flatMap((folder) => [`${folder}a`, `${folder}b`]),
      );
      check.same("groups", (await pathsOf(backend, "", { delimiter: "/", pageSize: sizes.pageSize })).sort(), folders);
    },
  },
  {
    name: "a page that is exactly full is not the end, nor the start of an empty one",
    run: async ({ backend, check, features }) => {
      const paths = numbered("exact/", 6);
      await writeAll(backend, paths);
      for (const pageSize of [1, 2, 3, 5, 6, 7]) {
        const listed = await pathsOf(backend, "exact/", { pageSize });
        check.same(`paths with pages of ${pageSize}`, features.sortedList ? listed : listed.sort(), paths);
      }
    },
  },
  {
    name: "startAfter goes on from every place",
    run: async ({ backend, check, features }) => {
      const paths = numbered("go/", 7);
      await writeAll(backend, paths);
      for (const [i, startAfter] of paths.entries()) {
        const listed = await pathsOf(backend, "go/", { startAfter, pageSize: 2 });
        check.same(`paths after ${startAfter}`, features.sortedList ? listed : listed.sort(), paths.slice(i + 1));
      }
    },
  },
  {
    name: "objects deleted while they are listed do not hide others",
    run: async (trial) => {
      const { backend, check, sizes } = trial;
      const paths = await fill(trial);
      const seen: string[] = [];
      for await (const { path } of backend.list("page/", { pageSize: sizes.pageSize })) {
        seen.push(path);
        if (seen.length % 50 === 0) await backend.delete(path);
      }
      check.same("paths seen", seen.sort(), paths);
    },
  },
  {
    name: "objects written while others are listed do no harm",
    run: async (trial) => {
      const { backend, check, sizes } = trial;
      const paths = await fill(trial);
      const seen: string[] = [];
      for await (const { path } of backend.list("page/", { pageSize: sizes.pageSize })) {
        seen.push(path);
        if (seen.length % 100 === 0) await writeAll(backend, [`page/0-new-${seen.length}`, `page/z-new-${seen.length}`]);
      }
      check.same("the paths that were there all the time", seen.filter((path) => !path.includes("-new-")).sort(), paths);
      check.same("paths listed twice", seen.length - new Set(seen).size, 0);
    },
  },
  {
    name: "deleteMany takes more than a page",
    run: async (trial) => {
      const { backend, check } = trial;
      const paths = await fill(trial);
      await backend.write("stays", "x");
      const report = await backend.deleteMany(paths);
      check.same("errors", report.errors.length, 0);
      check.same("deleted", report.deleted, paths.length);
      check.same("what is left", await pathsOf(backend), ["stays"]);
    },
  },
  {
    name: "purge takes more than a page",
    run: async (trial) => {
      const { backend, check } = trial;
      const paths = await fill(trial);
      await backend.write("stays", "x");
      check.same("deleted", (await backend.purge("page/")).deleted, paths.length);
      check.same("what is left", await pathsOf(backend), ["stays"]);
    },
  },
];

/** Listings of more than one page. */
export const paging: Group = { name: "paging", needs: [STORED], cases };
