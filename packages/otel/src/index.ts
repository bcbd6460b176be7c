export { instrumentStorage, type StorageInstrumentationOptions } from "./instrument-storage.ts";
