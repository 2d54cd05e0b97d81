import { createReadStream } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { text } from "node:stream/consumers";

/** How much of a file is read and sent at a time, in bytes. */
const PIECE_BYTES = 1024 * 1024;

/** A file that goes out as the body of a request. */
export interface FileBody {
  readonly path: string;
  readonly sizeBytes: number;
}

export interface Upload {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly file: FileBody;
  readonly signal: AbortSignal;
}

/**
 * Sends a file and answers what came back. `fetch` would hand the file over in small pieces through several streams, which takes
 * longer than the sending itself. Over a connection of its own, because what was half sent cannot be sent again.
 *
 * @throws the reason of `signal`; an error with the system's code when the server cannot be reached.
 */
export async function uploadFile({
  url,
  method,
  headers,
  file,
  signal,
}: Upload): Promise<{ status: number; text: string; retryAfter: string | undefined }> {
  const source = createReadStream(file.path, { highWaterMark: PIECE_BYTES });
  const transport = url.protocol === "https:" ? https : http;
  // Kept alive, so that a server that refuses early does not hang up before its answer was read.
  const agent = new transport.Agent({ keepAlive: true });
  const outgoing = transport.request(url, {
    method,
    headers: { ...headers, "content-length": String(file.sizeBytes) },
    agent,
    signal,
  });
  try {
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      // A server may answer before it has everything; what then happens to the rest does not matter.
      outgoing.on("response", resolve).on("error", reject);
      source.on("error", reject).pipe(outgoing);
    });
    return { status: answer.statusCode ?? 0, text: await text(answer), retryAfter: answer.headers["retry-after"] };
  } catch (error) {
    // Node says of every signal that it aborted; the signal's own reason says why.
    signal.throwIfAborted();
    throw error;
  } finally {
    source.destroy();
    outgoing.destroy();
    agent.destroy();
  }
}
