# syntax=docker/dockerfile:1
# One image for every process of the registry and for the steps that found it; the command says which.
ARG NODE_IMAGE=node:26.10.0-trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No install script is needed: what the processes run is either JavaScript or prebuilt.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --omit=dev

FROM ${NODE_IMAGE}
# The Runner spawns git for packs, patches and archives.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates git \
  && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json README.md ./
COPY bin ./bin
COPY config ./config
COPY policies/policy.wasm ./policies/policy.wasm
# A new volume takes over the owner and the mode of the folder that it is mounted on.
RUN install --directory --owner=node --group=node --mode=0700 \
  /var/lib/ogr /var/lib/ogr/founding /var/lib/ogr/lab256 /var/lib/ogr/lab512 /var/lib/ogr/staging /var/lib/ogr/work
USER node
EXPOSE 7450
CMD ["node", "dist/api/main.js"]
