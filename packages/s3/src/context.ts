import type { S3Settings } from "./settings.ts";
import type { Send } from "./wire.ts";

/** What every operation of the driver needs. */
export interface Context {
  readonly settings: S3Settings;
  readonly send: Send;
  /** The key of a path. */
  key(path: string): string;
}
