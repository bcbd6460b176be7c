/** Where a library says what it does; silent without one. Pino and console fit. */
export interface Logger {
  /** Steps that only a search for a fault needs. */
  debug(details: unknown, message?: string): void;
  /** What was done, where an operator wants to see it. */
  info(details: unknown, message?: string): void;
  /** What went on by itself and deserves a look. */
  warn(details: unknown, message?: string): void;
  /** What failed and nobody else is told of. */
  error(details: unknown, message?: string): void;
}

const nothing = (): void => {};

/** Says nothing. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
