import http from "node:http";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";
import { NetworkWhitelist } from "../../../src/lab512/whitelist.js";

/** The input of this process: the whitelist to apply and the connections to try in order. */
export interface GuardedRequest {
  readonly whitelist: readonly string[];
  readonly attempts: readonly Attempt[];
}

export type Attempt =
  | { readonly via: "net"; readonly host?: string; readonly port: number }
  | { readonly via: "net arguments"; readonly host: string; readonly port: number | string }
  | { readonly via: "http" | "https" | "fetch"; readonly url: string }
  | { readonly via: "tls"; readonly host: string; readonly port: number }
  | { readonly via: "unix"; readonly path: string }
  | { readonly via: "unix with a host"; readonly path: string; readonly host: string; readonly port: number }
  | { readonly via: "http over unix"; readonly path: string; readonly host: string; readonly port: number };

const { whitelist, attempts } = JSON.parse(process.argv[2] ?? "") as GuardedRequest;
new NetworkWhitelist(whitelist).enforce();
const outcomes: string[] = [];
for (const attempt of attempts) outcomes.push(await tryAttempt(attempt));
// Kept-alive connections would keep the process running.
process.stdout.write(JSON.stringify(outcomes), () => process.exit(0));

/** Returns `connected` or the error's code. */
async function tryAttempt(attempt: Attempt): Promise<string> {
  try {
    await startAttempt(attempt);
    return "connected";
  } catch (error) {
    // fetch reports the error in `cause`.
    const { code, cause } = error as { code?: string; cause?: { code?: string } };
    return code ?? cause?.code ?? String(error);
  }
}

function startAttempt(attempt: Attempt): Promise<unknown> {
  switch (attempt.via) {
    case "net":
      return waitForConnection(
        net.connect({ port: attempt.port, ...(attempt.host === undefined ? {} : { host: attempt.host }) }),
        "connect",
      );
    case "net arguments":
      return waitForConnection(net.connect(attempt.port as number, attempt.host), "connect");
    case "unix":
      return waitForConnection(net.connect(attempt.path), "connect");
    case "unix with a host":
      return waitForConnection(
        net.connect({ path: attempt.path, host: attempt.host, port: attempt.port } as net.NetConnectOpts),
        "connect",
      );
    case "tls":
      return waitForConnection(tls.connect({ host: attempt.host, port: attempt.port, rejectUnauthorized: false }), "secureConnect");
    case "fetch":
      return fetch(attempt.url).then((response) => response.text());
    case "http over unix":
      return waitForResponse(http.request({ socketPath: attempt.path, host: attempt.host, port: attempt.port }));
    case "http":
      return waitForResponse(http.request(attempt.url));
    case "https":
      return waitForResponse(https.request(attempt.url, { rejectUnauthorized: false }));
  }
}

function waitForConnection(socket: net.Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", reject);
  });
}

function waitForResponse(request: http.ClientRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    request.once("response", (response) => {
      response.resume();
      response.once("end", resolve);
    });
    request.once("error", reject);
    request.end();
  });
}
