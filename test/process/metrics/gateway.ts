import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Push {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly body: string;
}

/** A server with the route of the Pushgateway. */
export class Gateway {
  readonly pushes: Push[] = [];
  readonly #server = createServer((request, response) => void this.#take(request, response));

  constructor(private readonly status = 202) {}

  async listen(): Promise<string> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    this.pushes.push({ method: request.method, url: request.url, body });
    response.writeHead(this.status).end();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}
