import * as http from "node:http";
import * as https from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "minio";
import type { Key } from "../key.js";
import { StorageFault } from "../ports.js";
import { checkConfig, REQUEST_TIMEOUT_MS, type S3Config } from "./config.js";
import { type Intent, isRepeatable, toErrorCode, toFault } from "./faults.js";
import { Exchange } from "./transport.js";

/** The largest object of a single PUT (S3). The client splits a body above its part size, which would drop the condition. */
export const maxPutBytes = 5 * 1024 ** 3;

/** The maximum number of concurrent connections. Further requests wait for a free one, within their own time limit. */
const maxSockets = 48;

/** Closes an idle connection before any server would, because a write on a connection that is being closed has an unknown outcome. */
const idleSocketMs = 4_000;

const maxAttempts: Record<Intent, number> = { read: 3, write: 8 };
const firstPauseMs = 20;

export interface Session {
  /**
   * Lets `act` send one request. Returns `undefined` if the store refuses with one of the statuses in `expected`: no object, or a
   * condition that did not hold. Throws {@link StorageFault} for every other failure.
   */
  perform<T>(
    intent: Intent,
    key: Key,
    expected: readonly number[],
    act: (client: Client, bucket: string, exchange: Exchange) => Promise<T>,
    bodyBytes?: number,
  ): Promise<T | undefined>;
  close(): void;
}

export function openSession(config: S3Config): Session {
  const endpoint = checkConfig(config);
  const useSSL = endpoint.protocol === "https:";
  const transport = useSSL ? https : http;
  const agentOptions = { keepAlive: true, maxSockets, timeout: idleSocketMs, ...(config.ca === undefined ? {} : { ca: config.ca }) };
  const options = {
    // The brackets of an IPv6 address belong to the URL, not to the address.
    endPoint: endpoint.hostname.replace(/^\[|\]$/g, ""),
    port: Number(endpoint.port),
    useSSL,
    region: config.region,
    accessKey: config.access_key,
    secretKey: config.secret_key,
    ...(config.session_token === undefined ? {} : { sessionToken: config.session_token }),
    partSize: maxPutBytes,
    retryOptions: { disableRetry: true },
    transportAgent: new transport.Agent(agentOptions),
  };
  return {
    close: () => options.transportAgent.destroy(),

    async perform(intent, key, expected, act, bodyBytes = 0) {
      const bucket = `${config.bucket_prefix ?? ""}${key.space}`;
      for (let tried = 1; ; tried += 1) {
        const exchange = new Exchange(transport, config.requestTimeoutMs ?? REQUEST_TIMEOUT_MS, bodyBytes);
        try {
          // The client does not tell its transport which call a request belongs to, so each request has a client of its own.
          const client = new Client({ ...options, transport: exchange });
          // By default the client signs no body over TLS.
          client.enableSHA256 = true;
          return await act(client, bucket, exchange);
        } catch (cause) {
          // The client leaves the response of an overloaded server unread, which would occupy the connection indefinitely.
          exchange.answer?.resume();
          if (cause instanceof StorageFault) throw cause;
          const { refusedStatus: status = 0 } = exchange;
          if (expected.includes(status) && toErrorCode(exchange, cause) !== "NoSuchBucket") return undefined;
          if (tried === maxAttempts[intent] || !isRepeatable(intent, exchange.refusedStatus))
            throw toFault(intent, key.full, bucket, endpoint.origin, exchange, cause);
        }
        // The pause grows with each attempt and is random, so that competing writers do not collide again.
        await sleep(firstPauseMs * 2 ** (tried - 1) * (0.5 + Math.random()));
      }
    },
  };
}
