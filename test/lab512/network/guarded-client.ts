import http from "node:http";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";
import { NetworkWhitelist } from "../../../src/lab512/whitelist.js";

/** What this process is asked: a whitelist that it obeys, and connections to try, one after the other. */
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
for (const attempt of attempts) outcomes.push(await outcome(attempt));
// Connections that are kept for later would keep the process.
process.stdout.write(JSON.stringify(outcomes), () => process.exit(0));

/** `connected`, or the code of the error. */
async function outcome(attempt: Attempt): Promise<string> {
  try {
    await attemptOf(attempt);
    return "connected";
  } catch (error) {
    // fetch hides what happened in the cause.
    const { code, cause } = error as { code?: string; cause?: { code?: string } };
    return code ?? cause?.code ?? String(error);
  }
}

function attemptOf(attempt: Attempt): Promise<unknown> {
  switch (attempt.via) {
    case "net":
      return connected(net.connect({ port: attempt.port, ...(attempt.host === undefined ? {} : { host: attempt.host }) }), "connect");
    case "net arguments":
      return connected(net.connect(attempt.port as number, attempt.host), "connect");
    case "unix":
      return connected(net.connect(attempt.path), "connect");
    case "unix with a host":
      return connected(net.connect({ path: attempt.path, host: attempt.host, port: attempt.port } as net.NetConnectOpts), "connect");
    case "tls":
      return connected(tls.connect({ host: attempt.host, port: attempt.port, rejectUnauthorized: false }), "secureConnect");
    case "fetch":
      return fetch(attempt.url).then((response) => response.text());
    case "http over unix":
      return answered(http.request({ socketPath: attempt.path, host: attempt.host, port: attempt.port }));
    case "http":
      return answered(http.request(attempt.url));
    case "https":
      return answered(https.request(attempt.url, { rejectUnauthorized: false }));
  }
}

function connected(socket: net.Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", reject);
  });
}

function answered(request: http.ClientRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    request.once("response", (response) => {
      response.resume();
      response.once("end", resolve);
    });
    request.once("error", reject);
    request.end();
  });
}
