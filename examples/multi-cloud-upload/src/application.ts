// The application: signs uploads, takes them in, moves files, and tells open pages. The files themselves go from the browser to the store.
import { readFile } from "node:fs/promises";
import Fastify, { type FastifyInstance } from "fastify";
import type { Stores } from "./clouds.ts";
import { Feed } from "./feed.ts";
import { describeClouds, listFiles, viewOf } from "./files.ts";
import { Moves } from "./moves.ts";
import { answerProblems } from "./problems.ts";
import { Traffic } from "./traffic.ts";

/** The largest that one PUT may be on S3. */
const MAX_BYTES = 5 * 1024 ** 3;

const text = { type: "string", minLength: 1, maxLength: 4096 } as const;

const schemas = {
  upload: {
    type: "object",
    required: ["filename", "contentType", "size"],
    properties: {
      filename: { ...text, maxLength: 255 },
      contentType: { type: "string", maxLength: 255 },
      size: { type: "integer", minimum: 0, maximum: MAX_BYTES },
      region: { enum: ["eu"] },
    },
  },
  confirm: { type: "object", required: ["ticket"], properties: { ticket: { ...text, maxLength: 16_384 } } },
  move: { type: "object", required: ["to"], properties: { to: text } },
} as const;

interface UploadBody {
  readonly filename: string;
  readonly contentType: string;
  readonly size: number;
  readonly region?: "eu";
}

export interface Application {
  readonly app: FastifyInstance;
  close(): Promise<void>;
}

export async function createApplication(stores: Stores): Promise<Application> {
  const app = Fastify({ forceCloseConnections: true });
  const feed = new Feed();
  const moves = new Moves(stores, feed);
  const traffic = new Traffic(app.server);
  answerProblems(app);
  await servePage(app);
  addUploads(app, stores, feed);
  addFiles(app, stores, feed, moves);
  app.get("/api/state", async () => ({
    clouds: await describeClouds(stores),
    files: await listFiles(stores),
    trafficBytes: traffic.bytes,
  }));
  app.get("/api/traffic", () => ({ trafficBytes: traffic.bytes }));
  app.get("/api/events", (_request, reply) => {
    reply.hijack();
    feed.open(reply.raw);
  });
  const close = async (): Promise<void> => {
    feed.close();
    await moves.close();
    await app.close();
    traffic.close();
  };
  return { app, close };
}

const PAGE = [
  ["/", "index.html", "text/html; charset=utf-8"],
  ["/page.css", "page.css", "text/css; charset=utf-8"],
  ["/page.js", "page.js", "text/javascript; charset=utf-8"],
  ["/upload.js", "upload.js", "text/javascript; charset=utf-8"],
  ["/words.js", "words.js", "text/javascript; charset=utf-8"],
  ["/table.js", "table.js", "text/javascript; charset=utf-8"],
] as const;

async function servePage(app: FastifyInstance): Promise<void> {
  // Uploads go to whatever origins the stores have.
  const policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src *; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
  for (const [url, name, type] of PAGE) {
    const content = await readFile(new URL(`../page/${name}`, import.meta.url));
    const headers = {
      "cache-control": "no-cache",
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    };
    app.get(url, (_request, reply) => reply.type(type).headers(headers).send(content));
  }
}

function addUploads(app: FastifyInstance, { clouds }: Stores, feed: Feed): void {
  app.post<{ Body: UploadBody }>("/api/uploads", { schema: { body: schemas.upload } }, async ({ body }) => {
    const { filename, contentType, size, region } = body;
    // An empty type is one that the browser does not know; the name decides then.
    const facts = { filename, sizeBytes: size, ...(contentType === "" ? {} : { contentType }), ...(region ? { region } : {}) };
    const { rule = "everything else" } = await clouds.explain(facts);
    return { ...(await clouds.signUpload({ ...facts, metadata: { rule } })), rule };
  });
  app.post<{ Body: { readonly ticket: string } }>("/api/confirm", { schema: { body: schemas.confirm } }, async ({ body }) => {
    const file = viewOf(await clouds.confirm(body.ticket));
    feed.send({ type: "stored", file });
    return file;
  });
}

function addFiles(app: FastifyInstance, { clouds }: Stores, feed: Feed, moves: Moves): void {
  app.post<{ Params: { readonly id: string }; Body: { readonly to: string } }>(
    "/api/files/:id/move",
    { schema: { body: schemas.move } },
    async ({ params, body }, reply) => {
      await moves.begin(params.id, body.to);
      return reply.code(202).send({ id: params.id, to: body.to });
    },
  );
  app.get<{ Params: { readonly id: string } }>("/api/files/:id/content", async ({ params }, reply) =>
    reply.redirect(await clouds.url(params.id, { download: true }), 303),
  );
  app.delete<{ Params: { readonly id: string } }>("/api/files/:id", async ({ params }, reply) => {
    await clouds.delete(params.id);
    feed.send({ type: "deleted", id: params.id });
    return reply.code(204).send();
  });
}
