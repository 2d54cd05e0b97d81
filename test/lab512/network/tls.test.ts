import { chmodSync, readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RegistryProcess } from "../../../src/stack/registry/registry-process.js";
import { actByCard, actByPermit, buildPushJob, buildRegistrationJob } from "../../harness/acting.js";
import { hasS3, requireS3Server } from "../../harness/buckets.js";
import { startTestRegistry, type TestRegistry } from "../../harness/registry.js";
import { Clone } from "../../repository/real-git.js";
import { type Certificate, createAuthority, hasOpenssl } from "./certificates.js";
import { startTlsProxy, type TlsProxy } from "./tls-proxy.js";

const PROJECT = "P.secured";
/** The tests start processes one after the other. */
const PATIENT = { timeout: 120_000 };

// The tests need openssl for certificates and an S3 server for the store's TLS.
describe.skipIf(!hasOpenssl() || !hasS3())("a registry whose Temporal, store and database use TLS with a private authority", () => {
  let registry: TestRegistry;
  let proxies: Record<"temporal" | "store" | "database", TlsProxy>;
  let [ca, strangeCa]: [string, string] = ["", ""];
  let server: Certificate;
  let client: Certificate;
  let [runner, lab256]: [Record<string, string>, Record<string, string>] = [{}, {}];

  beforeAll(async () => {
    registry = await startTestRegistry({ name: "tls" });
    const authority = createAuthority(join(registry.dataDir, "authority"));
    ca = authority.ca;
    strangeCa = createAuthority(join(registry.dataDir, "strange")).ca;
    [server, client] = [authority.issue("server"), authority.issue("client")];
    const [store, database] = [new URL(requireS3Server().endpoint), new URL(registry.databaseUrl)];
    const [temporalProxy, storeProxy, databaseProxy] = await Promise.all([
      startTlsProxy({ target: registry.temporal.address, certificate: server, clientCa: ca, alpn: ["h2"] }),
      startTlsProxy({ target: store.host, certificate: server }),
      startTlsProxy({ target: database.host, certificate: server, asksFirst: true }),
    ]);
    proxies = { temporal: temporalProxy, store: storeProxy, database: databaseProxy };
    database.port = String(databaseProxy.port);
    runner = {
      OGR_TEMPORAL_ADDRESS: temporalProxy.address,
      OGR_TEMPORAL_CA_FILE: ca,
      OGR_TEMPORAL_CERT_FILE: client.cert,
      OGR_TEMPORAL_KEY_FILE: client.key,
      OGR_TEMPORAL_SERVER_NAME: "localhost",
      OGR_S3_ENDPOINT: `https://${storeProxy.address}`,
      OGR_S3_CA_FILE: ca,
    };
    lab256 = { ...runner, DATABASE_URL: database.href, OGR_DATABASE_CA_FILE: ca };
    await Promise.all([registry.api, registry.lab256, registry.lab512].map((process) => process.stop()));
  });
  afterAll(async () => {
    await registry?.stop();
    await Promise.all(Object.values(proxies ?? {}).map((proxy) => proxy.close()));
  });

  async function readRefusal(process: RegistryProcess, env: Record<string, string>): Promise<string> {
    const error = await process.start({ env }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error === undefined) await process.stop();
    expect(error, "the process started").toBeInstanceOf(Error);
    const said = (error as Error).message.split("\n").filter((line) => line.startsWith(`${process.name}: `));
    expect(said, (error as Error).message).toHaveLength(1);
    return said.join();
  }

  describe("refuses to start", () => {
    it("a process that trusts another authority", PATIENT, async () => {
      expect(await readRefusal(registry.lab512, { ...runner, OGR_S3_CA_FILE: strangeCa })).toContain("certificate");
      expect(await readRefusal(registry.lab256, { ...lab256, OGR_DATABASE_CA_FILE: strangeCa })).toContain("certificate");
      expect(await readRefusal(registry.lab512, { ...runner, OGR_TEMPORAL_CA_FILE: strangeCa })).toContain(proxies.temporal.address);
    });

    it("a process that has no certificate for Temporal, or whose key file others can read", PATIENT, async () => {
      const { OGR_TEMPORAL_CERT_FILE: _, OGR_TEMPORAL_KEY_FILE: __, ...withoutCertificate } = runner;
      const before = proxies.temporal.countPassed();
      expect(await readRefusal(registry.lab512, { ...withoutCertificate, OGR_TEMPORAL_CERT_FILE: "", OGR_TEMPORAL_KEY_FILE: "" })).toMatch(
        /lab512: \S/,
      );
      expect(proxies.temporal.countPassed()).toBe(before);
      chmodSync(client.key, 0o644);
      expect(await readRefusal(registry.lab512, runner)).toContain("chmod 600");
      chmodSync(client.key, 0o600);
    });
  });

  it("runs an act from card to receipt", PATIENT, async () => {
    const before = Object.values(proxies).map((proxy) => proxy.countPassed());
    await Promise.all([
      registry.api.start({ env: lab256 }),
      registry.lab256.start({ env: lab256 }),
      registry.lab512.start({ env: runner }),
    ]);
    const clone = new Clone();
    clone.commit("a.txt", "a");
    await actByCard(registry, buildRegistrationJob(PROJECT));
    const { command } = await actByPermit(registry.as("admin"), buildPushJob(clone, PROJECT, "feature/a"));
    expect(command.status).toBe("success");
    for (const [n, proxy] of Object.values(proxies).entries()) expect(proxy.countPassed()).toBeGreaterThan(before[n] ?? 0);
  });

  it("sends the API key to Temporal Cloud over TLS and does not print it", async () => {
    const seen: unknown[] = [];
    const cloud = createSecureServer({ cert: readFileSync(server.cert), key: readFileSync(server.key) });
    cloud.on("stream", (stream, headers) => {
      seen.push(headers.authorization);
      stream.respond(
        { ":status": 200, "content-type": "application/grpc", "grpc-status": "16", "grpc-message": "no such key" },
        { endStream: true },
      );
    });
    await new Promise<void>((resolve) => cloud.listen(0, "127.0.0.1", resolve));
    const { port } = cloud.address() as AddressInfo;
    await registry.lab512.stop();
    const env = { ...runner, OGR_TEMPORAL_ADDRESS: `127.0.0.1:${port}`, OGR_TEMPORAL_API_KEY: "key-of-a-test" };
    const said = await readRefusal(registry.lab512, env);
    expect(said).not.toContain("key-of-a-test");
    expect(new Set(seen)).toEqual(new Set(["Bearer key-of-a-test"]));
    cloud.close();
  });
});
