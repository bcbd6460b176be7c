import { type BrokenDriver, bytesOf } from "./broken-driver.ts";

export const changes: readonly BrokenDriver[] = [
  {
    promise: "deleting what is missing is no error",
    caughtBy: ["deleting: deleting a missing object is no error"],
    breakIt: (driver) => ({
      async delete(path, options) {
        await driver.stat(path, {});
        await driver.delete(path, options);
      },
    }),
  },
  {
    promise: "a delete takes one object",
    caughtBy: ["deleting: deleting a folder's name deletes nothing in it"],
    breakIt: (driver) => ({
      async delete(path, options) {
        for await (const info of driver.list(`${path}/`, {})) await driver.delete(info.path, {});
        await driver.delete(path, options);
      },
    }),
  },
  {
    promise: "a conditional delete looks at the version",
    caughtBy: ["conditions: delete an older version: PRECONDITION_FAILED, and the newer stays"],
    breakIt: (driver) => ({ delete: (path) => driver.delete(path, {}) }),
  },
  {
    promise: "a copy has the metadata",
    caughtBy: ["copying and moving: a copy has the headers and metadata"],
    breakIt: (driver) => ({ copy: async (from, to) => driver.write(to, await bytesOf(driver, from), {}) }),
  },
  {
    promise: "a move of nothing changes nothing",
    caughtBy: ["copying and moving: moving a missing object is NOT_FOUND and changes nothing"],
    breakIt: (driver) => ({
      async move(from, to, options) {
        await driver.delete(to, {});
        return driver.move(from, to, options);
      },
    }),
  },
  {
    promise: "names are not decoded",
    caughtBy: ["weird keys: encoded and plain are two names"],
    breakIt: (driver) => ({ write: (path, body, options) => driver.write(path.replaceAll("%20", " "), body, options) }),
  },
];
