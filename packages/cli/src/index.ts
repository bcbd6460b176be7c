export { EXIT_CODES, type ExitCode } from "./exit-codes.ts";
export { omni } from "./omni.ts";
