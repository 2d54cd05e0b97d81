import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { ADMIN, startApi } from "./running-api.js";

test("a stopping api answers its requests, and refuses new ones with Retry-After", async () => {
  const api = await startApi("api-ending");
  const { hostname, port } = new URL(api.url);
  const socket = connect(Number(port), hostname);
  const answered = text(socket);
  const head = ["POST /v1/cards HTTP/1.1", "Host: api", `Authorization: Bearer ${api.getToken(ADMIN)}`, "Content-Type: application/json"];
  socket.write([...head, "Content-Length: 2", "", ""].join("\r\n"));
  await once(api.app.server, "request");
  const stopped = api.stop();
  await expect.poll(() => api.app.server.listening).toBe(false);
  socket.write("{}GET /v1/whoami HTTP/1.1\r\nHost: api\r\n\r\n");
  const [, first = "", second = ""] = (await answered).split("HTTP/1.1 ");
  expect(first).toMatch(/^400 /);
  expect(second).toMatch(/^503 /);
  expect(second).toMatch(/^retry-after: 2\r$/im);
  expect(second).toMatch(/^connection: close\r$/im);
  expect(JSON.parse(second.slice(second.indexOf("\r\n\r\n")))).toMatchObject({ code: "unavailable", status: 503 });
  await stopped;
});
