export { describeWithChromium, describeWithServer, describeWithServers, requireServer } from "./jest.ts";
export type { Endpoint, StartOptions } from "./kind.ts";
export { freePorts } from "./ports.ts";
export { type RunningServer, type ServerOptions, type Skipped, server, tryServer } from "./server.ts";
export { everyRun, pins, type ServerName, serverNames, versionLines } from "./versions.ts";
