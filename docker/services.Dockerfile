# The services of examples/ingest. The build context is the repository:
#   docker build -f docker/services.Dockerfile -t omni-example-ingest .
#   docker run --rm -p 8080:8080 omni-example-ingest          all three, on the queue in memory
#   docker run --rm -e QUEUE_TYPE=nats ... omni-example-ingest processor
FROM node:24.21.0-slim AS build
RUN npm install --global pnpm@12.21.0
WORKDIR /repo
COPY . .
RUN pnpm install --frozen-lockfile --filter omni-monorepo --filter "@omni/example-ingest..." \
  && pnpm --filter "@omni/example-ingest^..." run build \
  && pnpm --filter @omni/example-ingest --prod --legacy deploy /app

FROM node:24.21.0-slim
WORKDIR /app
COPY --from=build /app .
# Files of the image belong to root: the services write nothing.
USER node
ENV HOST=0.0.0.0 NODE_ENV=production
EXPOSE 8080 8081 8082
# Node itself is process 1 and gets SIGTERM; without --init nothing else has to be reaped.
ENTRYPOINT ["node", "src/index.ts"]
