/** What the exit code of `omni` says. Scripts rely on these numbers: they do not change. */
export const EXIT_CODES = {
  /** Done, and nothing differs, is pending or failed. */
  CLEAN: 0,
  /** `check`, `diff`, `verify`: differences were found. */
  DIFFERS: 1,
  /** Something is left to be done: a limit ended the run early, an intent is open, a message is not settled. */
  PENDING: 2,
  /** The two sides cannot be compared: nothing tells whether they are the same. */
  NOT_COMPARABLE: 3,
  /** Something failed; the message says what. */
  FAILED: 4,
  /** The question before a destructive command was answered by no, or could not be asked. */
  DECLINED: 5,
  /** What was asked for does not exist. */
  NOT_FOUND: 6,
  /** The command line or the configuration cannot be understood (sysexits' EX_USAGE). */
  USAGE: 64,
  /** Ended by Ctrl-C (128 + SIGINT). */
  INTERRUPTED: 130,
  /** Whoever read the output went away (128 + SIGPIPE). */
  OUTPUT_CLOSED: 141,
  /** Ended by SIGTERM (128 + SIGTERM). */
  TERMINATED: 143,
} as const;

/** One of {@link EXIT_CODES}. */
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];
