import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Registry } from "prom-client";

export interface MetricsListener {
  readonly url: string;
  close(): Promise<void>;
}

export interface MetricsAddress {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

const REQUEST_MAX_MS = 10_000;
const CONNECTIONS_MAX = 32;

/**
 * Serves `GET /metrics` in Prometheus's text format on a port of its own. It has no access control, and no metric names a tenant.
 */
export async function serveMetrics(registries: readonly Registry[], { host, port }: MetricsAddress): Promise<MetricsListener> {
  const registry = Registry.merge([...registries]);
  const server = createServer({ requestTimeout: REQUEST_MAX_MS, headersTimeout: REQUEST_MAX_MS }, createScrapeHandler(registry));
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, resolve);
  });
  const { address, family, port: chosen } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${chosen}/metrics`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

function createScrapeHandler(registry: Registry): RequestListener {
  let scrape: Promise<string> | undefined;
  return (request, response) => {
    request.resume();
    if (request.url?.split("?")[0] !== "/metrics") return sendText(response, 404, "There is only /metrics here.\n");
    if (request.method !== "GET") return sendText(response, 405, "Read it with GET.\n");
    // Scrapes that come together share one collection.
    scrape ??= registry.metrics().finally(() => {
      scrape = undefined;
    });
    scrape.then(
      (text) => sendText(response, 200, text, registry.contentType),
      () => sendText(response, 500, "The metrics could not be collected.\n"),
    );
  };
}

function sendText(response: ServerResponse, status: number, text: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text) });
  response.end(text);
}
