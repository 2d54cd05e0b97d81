import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { createS3Client } from "../../src/stack/servers/object-store.js";

export interface ProxiedServer {
  readonly endpoint: string;
  readonly region: string;
  readonly access_key: string;
  readonly secret_key: string;
}

/**
 * Starts an S3 without conditional writes: it drops `If-None-Match` and `If-Match` and forwards everything else to the real server. With
 * "signs again" the request has a new valid signature. Otherwise the real server rejects it because signed headers are missing.
 */
export async function startConditionDroppingProxy(server: ProxiedServer, again: "signs again" | "keeps the signature") {
  const upstream = new URL(server.endpoint);
  const proxy = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const { "if-none-match": _, "if-match": __, ...kept } = request.headers;
      const { path, headers } = again === "signs again" ? await signAgain(server, request) : { path: request.url, headers: kept };
      const passed = http.request({ host: upstream.hostname, port: upstream.port, method: request.method, path, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      passed.on("error", () => response.destroy());
      passed.end(Buffer.concat(chunks));
    });
  });
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  return {
    endpoint: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    close: async () => {
      proxy.closeAllConnections();
      await once(proxy.close(), "close");
    },
  };
}

/** Signs the request by a URL signature, which covers neither body nor headers. */
async function signAgain(server: ProxiedServer, request: http.IncomingMessage) {
  const url = new URL(request.url ?? "/", server.endpoint);
  const [bucket = "", ...name] = decodeURIComponent(url.pathname).slice(1).split("/");
  const query = Object.fromEntries(url.searchParams);
  const signed = new URL(await createS3Client(server).presignedUrl(request.method ?? "GET", bucket, name.join("/"), 60, query));
  const length = request.headers["content-length"];
  return { path: `${signed.pathname}${signed.search}`, headers: length === undefined ? {} : { "content-length": length } };
}
