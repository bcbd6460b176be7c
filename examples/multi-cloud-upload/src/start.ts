// Two servers: the application, and the store of the clouds that are folders, which stands for what a cloud's own address is.
import { mkdir } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { devRouter } from "@omni/cloud/dev";
import { createApplication } from "./application.ts";
import { openStores } from "./clouds.ts";
import type { Settings } from "./settings.ts";

export interface Running {
  /** Where the page is. */
  readonly url: string;
  close(): Promise<void>;
}

export async function start(settings: Settings): Promise<Running> {
  const folder = resolve(settings.folder);
  await mkdir(folder, { recursive: true });
  const store = createServer();
  const storePort = await listen(store, settings.storePort);
  const stores = openStores(folder, `http://127.0.0.1:${storePort}/files`, settings.env);
  const application = await createApplication(stores);
  const url = await application.app.listen({ port: settings.port, host: "127.0.0.1" });
  // The page is of another origin, as it is for a cloud; whoever holds a signed URL may use it from anywhere.
  const router = devRouter(stores.clouds, { allowOrigin: "*" });
  store.on("request", (request, response) => void router(request, response));
  const close = async (): Promise<void> => {
    await application.close();
    await new Promise<void>((done) => {
      store.close(() => done());
      store.closeAllConnections();
    });
    await stores.close();
  };
  return { url, close };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((done, failed) => {
    server.once("error", failed).listen(port, "127.0.0.1", () => done((server.address() as AddressInfo).port));
  });
}
