import type { DeleteReport } from "./backend.ts";
import type { DriverOptions, StorageDriver } from "./driver.ts";
import type { OmniError } from "./error.ts";
import type { Runner } from "./runner.ts";

/** Paths per request to a driver's `deleteMany`: what S3 takes (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html). */
const BATCH = 1_000;
/** Deletes under way at once where a driver takes them one by one. */
const CONCURRENCY = 16;

/** Deletes many paths; the error of one is reported and does not stop the others. */
export async function deleteMany(
  driver: StorageDriver,
  paths: Iterable<string> | AsyncIterable<string>,
  options: DriverOptions,
  check: (path: string) => void,
  run: Runner,
): Promise<DeleteReport> {
  const errors: { path: string; error: OmniError }[] = [];
  let deleted = 0;
  const fail = (path: string, error: unknown): void => void errors.push({ path, error: run.wrap("delete", path)(error) });
  const one = async (path: string): Promise<void> => {
    try {
      await driver.delete(path, options);
      deleted++;
    } catch (error) {
      fail(path, error);
    }
  };
  const flush = async (batch: readonly string[]): Promise<void> => {
    if (!driver.deleteMany) {
      await Promise.all(batch.map(one));
      return;
    }
    try {
      const failed = await driver.deleteMany(batch, options);
      for (const [path, error] of failed) fail(path, error);
      deleted += batch.length - failed.size;
    } catch (error) {
      for (const path of batch) fail(path, error);
    }
  };
  const size = driver.deleteMany ? BATCH : CONCURRENCY;
  let batch: string[] = [];
  for await (const path of paths) {
    options.signal?.throwIfAborted();
    try {
      check(path);
    } catch (error) {
      fail(String(path), error);
      continue;
    }
    batch.push(path);
    if (batch.length < size) continue;
    await flush(batch);
    batch = [];
  }
  if (batch.length > 0) await flush(batch);
  return { deleted, errors };
}
