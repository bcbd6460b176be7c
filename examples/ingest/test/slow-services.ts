// A process with the three services, whose handler takes its time and says on the output what it has handled.
import { setTimeout as wait } from "node:timers/promises";
import { drainOnSignal } from "@omni/core/queue";
import { startAll } from "../src/all.ts";
import { allSettings } from "../src/settings.ts";

const settings = allSettings(process.env);
const services = await startAll({
  ...settings,
  env: process.env,
  handler: async (message) => {
    await wait(5);
    console.log(`handled ${message.id}`);
  },
});
drainOnSignal(services, { drainMs: settings.drainMs, onError: (error) => console.error(error) });
console.log(`gateway ${services.gateway.url}`);
