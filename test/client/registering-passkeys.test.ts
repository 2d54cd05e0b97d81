import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RegistrationResponseJSON } from "@simplewebauthn/server";
import { expect, onTestFinished, test } from "vitest";
import { registerPasskey } from "../../src/client/deciding.js";
import type { RegistryClient } from "../../src/client/http/registry-client.js";
import { computePasskeyFingerprint } from "../../src/domain/charter/passkeys.js";
import { createPasskey } from "../../src/passkey/client.js";
import { openPasskeyFile } from "../../src/passkey/file.js";

const ORIGIN = "http://localhost:7450";
const OPTIONS = {
  challenge: "AAAA",
  rp: { id: "localhost", name: "A registry" },
  user: { id: "AAAA", name: "bob", displayName: "Bob" },
  pubKeyCredParams: [{ alg: -7, type: "public-key" as const }],
};

/** Builds a client of a registry that answers a registration with this record of it. */
function buildClient(answerWith: (response: RegistrationResponseJSON) => { credential_id: string; public_key: string }): RegistryClient {
  const answer = <T>(value: T) => Promise.resolve({ ok: true, status: 200, value });
  const client = {
    connection: { server: ORIGIN },
    listPasskeys: () => answer([]),
    requestPasskeyOptions: () => answer(OPTIONS),
    registerPasskey: (response: RegistrationResponseJSON) => {
      const record = answerWith(response);
      return answer({ credential_id: record.credential_id, fingerprint: computePasskeyFingerprint(record), record });
    },
  };
  return client as unknown as RegistryClient;
}

async function openPasskeys() {
  const folder = await mkdtemp(join(tmpdir(), "ogr-passkeys-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return openPasskeyFile(join(folder, "passkey.json"));
}

const readPublicKey = ({ response }: RegistrationResponseJSON): string => {
  const attestation = Buffer.from(response.attestationObject, "base64url");
  // A COSE key of ES256 has 77 bytes and ends the attestation object of a software passkey.
  return attestation.subarray(-77).toString("base64url");
};

test("a registration answered with the authenticator's own key is returned for the charter", async () => {
  const client = buildClient((response) => ({ credential_id: response.id, public_key: readPublicKey(response) }));
  const { fingerprint, record } = await registerPasskey(client, await openPasskeys(), "Laptop");
  expect(fingerprint).toBe(computePasskeyFingerprint(record));
});

// A compromised LAB 256 answers with a key of its own. Were it entered in the charter, LAB 256 could approve as Bob.
test("a registration answered with another public key is refused", async () => {
  const swapped = createPasskey(OPTIONS as never, ORIGIN).response;
  const client = buildClient((response) => ({ credential_id: response.id, public_key: readPublicKey(swapped) }));
  await expect(registerPasskey(client, await openPasskeys(), "Laptop")).rejects.toMatchObject({
    problem: { code: "step_up_invalid", detail: expect.stringContaining("the registry answers with") },
  });
});

test("a registration answered with another credential is refused", async () => {
  const client = buildClient((response) => ({ credential_id: "AAAA", public_key: readPublicKey(response) }));
  await expect(registerPasskey(client, await openPasskeys(), "Laptop")).rejects.toMatchObject({ problem: { code: "step_up_invalid" } });
});
