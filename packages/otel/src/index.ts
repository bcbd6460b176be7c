export { type GroupEvent, instrumentMulti, type MultiInstrumentationOptions } from "./instrument-multi.ts";
export { instrumentStorage, type StorageInstrumentationOptions } from "./instrument-storage.ts";
