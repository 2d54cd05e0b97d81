import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "./random.js";

/** Faults of an object store as its clients see them. */
export const STORE_FAULTS = ["refused_before", "lost_after", "error_after", "slow", "torn_read", "stale_list"] as const;
export type StoreFault = (typeof STORE_FAULTS)[number];

const SLOW_MAX_MS = 700;
/** Lists are rare, so they fail this many times as often. */
const LISTS_TIMES = 10;

/** An HTTP proxy in front of an S3 server that makes a share of the requests fail. */
export class FaultyStore {
  /** The share of requests that fail, from 0 to 1. */
  faultShare = 0;
  readonly counts: Record<StoreFault, number> = { refused_before: 0, lost_after: 0, error_after: 0, slow: 0, torn_read: 0, stale_list: 0 };
  readonly #lists = new Map<string, { status: number; headers: IncomingMessage["headers"]; body: Buffer }>();
  readonly #server = createServer((incoming, answer) => {
    // A disconnected client or an unreachable store ends only this exchange.
    this.#exchange(incoming, answer).catch(() => incoming.socket.destroy());
  });

  private constructor(
    private readonly target: URL,
    private readonly random: Random,
  ) {}

  static async open(target: string, random: Random): Promise<FaultyStore> {
    const proxy = new FaultyStore(new URL(target), random);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #exchange(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const fault = this.#chooseFault(incoming);
    const body = await readBody(incoming);
    if (fault !== undefined) this.counts[fault] += 1;
    if (fault === "refused_before") return refuseRequest(answer);
    if (fault === "slow") await sleep(this.random.drawBetween(50, SLOW_MAX_MS));
    const listing = isListRequest(incoming) ? (incoming.url ?? "") : undefined;
    const stale = listing === undefined ? undefined : this.#lists.get(listing);
    const real = fault === "stale_list" && stale !== undefined ? stale : await this.#forward(incoming, body);
    if (listing !== undefined) this.#lists.set(listing, real);
    if (fault === "lost_after") {
      incoming.socket.destroy();
      return;
    }
    if (fault === "error_after") return refuseRequest(answer);
    answer.writeHead(real.status, real.headers);
    if (fault === "torn_read" && real.body.length > 1) {
      answer.write(real.body.subarray(0, real.body.length >> 1));
      await sleep(5);
      incoming.socket.destroy();
      return;
    }
    answer.end(real.body);
  }

  #chooseFault(incoming: IncomingMessage): StoreFault | undefined {
    const share = isListRequest(incoming) ? LISTS_TIMES * this.faultShare : this.faultShare;
    if (this.faultShare === 0 || !this.random.drawChance(share)) return undefined;
    if (isListRequest(incoming)) return this.random.pick(["stale_list", "refused_before", "slow"] as const);
    if (incoming.method === "GET") return this.random.pick(["torn_read", "refused_before", "slow"] as const);
    return this.random.pick(["lost_after", "error_after", "refused_before", "slow"] as const);
  }

  #forward(incoming: IncomingMessage, body: Buffer): Promise<{ status: number; headers: IncomingMessage["headers"]; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const { method = "GET", url: path = "/", headers } = incoming;
      // The client's signature covers its Host header, which must not change.
      const outgoing = request({ host: this.target.hostname, port: this.target.port, method, path, headers }, (real) => {
        readBody(real).then((bytes) => resolve({ status: real.statusCode ?? 502, headers: real.headers, body: bytes }), reject);
      });
      outgoing.once("error", reject);
      outgoing.end(body);
    });
  }
}

function isListRequest({ method, url = "" }: IncomingMessage): boolean {
  return method === "GET" && url.includes("list-type=2");
}

function refuseRequest(answer: ServerResponse): void {
  answer.writeHead(503, { "content-type": "application/xml" });
  answer.end("<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>");
}

async function readBody(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
