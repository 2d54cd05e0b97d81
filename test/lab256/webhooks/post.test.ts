import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LedgerEntry } from "../../../src/domain/ledger/event.js";
import { signEvent } from "../../../src/lab256/webhooks/cloud-event.js";
import { isPrivateAddress, postEvent } from "../../../src/lab256/webhooks/post.js";

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const entry: LedgerEntry = {
  ...{
    container: "C.Registry::T.UBL",
    tenant_id: "T.UBL",
    seq: 7,
    type: "project.registered",
    key: "P.x/registered",
    at_ms: 1_790_000_000_000,
  },
  ...{ prev_hash: "0".repeat(64), hash: "a".repeat(64) },
  payload: { project_id: "P.x", name: "é", owners: [], visibility: "internal" },
};
const signTestEvent = () => signEvent(entry, { webhook_id: "wh-x", secret: SECRET }, Date.now());

describe("an event for a receiver", () => {
  it("is a CloudEvent with the id and hash of its entry, and verifies by Standard Webhooks", () => {
    const { headers, body } = signTestEvent();
    const verified = new Webhook(SECRET).verify(body, { ...headers });
    expect(verified).toMatchObject({
      specversion: "1.0",
      id: "7",
      type: "vnd.ubl.project.registered.v1",
      ledgerhash: entry.hash,
      data: entry.payload,
    });
    expect(() => new Webhook(SECRET).verify(body.replace("P.x", "P.y"), { ...headers })).toThrow();
  });

  it.each([
    "127.0.0.1",
    "10.1.2.3",
    "172.31.0.1",
    "192.168.1.1",
    "168.63.129.16",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "::1",
    "::",
    "fd00::1",
    "fe80::1",
    "::ffff:127.0.0.1",
    "224.0.0.1",
  ])("is not sent to the private address %s", (address) => expect(isPrivateAddress(address)).toBe(true));

  it.each(["1.1.1.1", "172.32.0.1", "192.169.0.1", "2606:4700::1111"])("can be sent to the public address %s", (address) =>
    expect(isPrivateAddress(address)).toBe(false),
  );
});

describe("posting to a receiver", () => {
  let server: Server;
  let url: string;
  const seen: string[] = [];
  beforeAll(async () => {
    server = createServer((request, answer) => {
      seen.push(request.url ?? "");
      const status = Number(request.url?.slice(1));
      answer.writeHead(status, status === 302 ? { location: "/200" } : {}).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://localhost:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it("succeeds only on a 2xx response", async () => {
    expect(await postEvent(`${url}/204`, signTestEvent(), "any")).toBeUndefined();
    expect(await postEvent(`${url}/500`, signTestEvent(), "any")).toBe("The receiver responded with 500.");
    expect(await postEvent(`${url}/302`, signTestEvent(), "any")).toBe("The receiver responded with 302.");
    expect(await postEvent("http://127.0.0.1:1/", signTestEvent(), "any")).toContain("could not be reached");
    expect(seen).toEqual(["/204", "/500", "/302"]);
  });

  it("opens no connection without TLS or to a private address", async () => {
    const before = seen.length;
    expect(await postEvent(`${url}/200`, signTestEvent(), "public")).toContain("https://");
    expect(await postEvent(`${url.replace("http:", "https:")}/200`, signTestEvent(), "public")).toContain("not a public address");
    expect(await postEvent("https://[::1]/", signTestEvent(), "public")).toContain("not a public address");
    expect(seen).toHaveLength(before);
  });
});
