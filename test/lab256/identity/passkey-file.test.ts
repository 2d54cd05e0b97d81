import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { verifyAuthenticationResponse, verifyRegistrationResponse } from "@simplewebauthn/server";
import { parseAuthenticatorData } from "@simplewebauthn/server/helpers";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Assertion } from "../../../src/domain/card/statement.js";
import type { AssertionRequest } from "../../../src/passkey/client.js";
import { openPasskeyFile, type PasskeyFile } from "../../../src/passkey/file.js";
import { resolveConfigDirectory, resolvePasskeyPath } from "../../../src/passkey/location.js";
import { ORIGIN, RP } from "./people.js";

let folder: string;
let file: PasskeyFile;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ogr-passkey-"));
  file = openPasskeyFile(join(folder, "config", "passkey.json"));
});
afterEach(() => rm(folder, { recursive: true }));

const CHALLENGE = Buffer.alloc(32, 1);
const OPTIONS = {
  rp: { id: RP.id, name: "Registry" },
  user: { id: "AAAA", name: "admin", displayName: "Admin" },
  challenge: CHALLENGE.toString("base64url"),
  pubKeyCredParams: [{ alg: -7, type: "public-key" as const }],
};

const assertWith = (passkeys: PasskeyFile, request: AssertionRequest = CHALLENGE, origin = ORIGIN, rpId = RP.id) =>
  passkeys.assert(request, origin, rpId, async (assertion) => assertion);

const readCounter = (assertion: Assertion) =>
  parseAuthenticatorData(new Uint8Array(Buffer.from(assertion.response.authenticatorData, "base64url"))).counter;

test("a WebAuthn server accepts the file's registration and assertions, and the counter continues after a reopen", async () => {
  const registration = await verifyRegistrationResponse({
    response: await file.create(OPTIONS, ORIGIN),
    expectedChallenge: OPTIONS.challenge,
    expectedOrigin: ORIGIN,
    expectedRPID: RP.id,
  });
  if (!registration.verified) throw new Error("the registration does not verify");
  const { credential } = registration.registrationInfo;
  for (const counter of [1, 2]) {
    const { userHandle, authenticatorAttachment, ...assertion } = await assertWith(openPasskeyFile(file.path)).then(
      ({ response, ...rest }) => ({
        ...rest,
        response,
        userHandle: response.userHandle,
      }),
    );
    expect([userHandle, authenticatorAttachment]).toEqual(["AAAA", "platform"]);
    const { signature, authenticatorData, clientDataJSON } = assertion.response;
    const result = await verifyAuthenticationResponse({
      response: { ...assertion, clientExtensionResults: {}, response: { signature, authenticatorData, clientDataJSON } },
      expectedChallenge: OPTIONS.challenge,
      expectedOrigin: ORIGIN,
      expectedRPID: RP.id,
      credential: { ...credential, counter: counter - 1 },
    });
    expect(result).toMatchObject({ verified: true, authenticationInfo: { newCounter: counter, userVerified: true } });
  }
});

test("only the owner can read the file and its folder, which holds nothing else but the lock", async () => {
  await file.create(OPTIONS, ORIGIN);
  await assertWith(file);
  expect((await stat(file.path)).mode & 0o777).toBe(0o600);
  expect((await stat(join(folder, "config"))).mode & 0o777).toBe(0o700);
  expect(await readdir(join(folder, "config"))).toEqual(["passkey.json", "passkey.json.lock"]);
});

test("a file that others can read and a folder that others can write to are refused", async () => {
  await file.create(OPTIONS, ORIGIN);
  await chmod(file.path, 0o640);
  await expect(assertWith(file)).rejects.toThrow(/chmod 600/);
  await expect(file.list()).rejects.toThrow(/chmod 600/);
  await chmod(file.path, 0o600);
  await chmod(join(folder, "config"), 0o770);
  await expect(assertWith(file)).rejects.toThrow(/chmod 700/);
});

test("concurrent assertions never use a counter twice", async () => {
  await file.create(OPTIONS, ORIGIN);
  const assertions = await Promise.all(Array.from({ length: 6 }, () => assertWith(openPasskeyFile(file.path))));
  expect(assertions.map(readCounter).sort()).toEqual([1, 2, 3, 4, 5, 6]);
  expect(await file.list()).toMatchObject([{ rp_id: RP.id, user_name: "admin", counter: 6 }]);
});

test("an assertion waits until the previous one has been used, also if that use failed", async () => {
  await file.create(OPTIONS, ORIGIN);
  const used: number[] = [];
  const assertThen = (use: (counter: number) => Promise<void>) =>
    openPasskeyFile(file.path).assert(CHALLENGE, ORIGIN, RP.id, (assertion) => use(readCounter(assertion)));
  await new Promise<void>((resolve, reject) => {
    const slow = assertThen(async (counter) => {
      const next = assertThen(async (later) => void used.push(later));
      await delay(500);
      used.push(counter);
      next.then(resolve, reject);
      throw new Error("the registry does not answer");
    });
    slow.catch((error: Error) => (/does not answer/.test(error.message) ? undefined : reject(error)));
  });
  expect(used).toEqual([1, 2]);
});

test("another site's page gets no assertion and no registration", async () => {
  await file.create(OPTIONS, ORIGIN);
  for (const origin of ["https://evil.example", "https://evilregistry.example"]) {
    await expect(assertWith(file, CHALLENGE, origin)).rejects.toThrow(/may not use passkeys of/);
    await expect(file.create(OPTIONS, origin)).rejects.toThrow(/may not use passkeys of/);
  }
  await expect(assertWith(file, CHALLENGE, "https://evil.example", "evil.example")).rejects.toThrow(/No passkey/);
  expect(await file.list()).toMatchObject([{ counter: 0 }]);
});

test("the options select a passkey, and an excluded passkey prevents a new one", async () => {
  const first = await file.create(OPTIONS, ORIGIN);
  const second = await file.create(OPTIONS, ORIGIN);
  const allow = (id: string) => ({ challenge: OPTIONS.challenge, rpId: RP.id, allowCredentials: [{ id, type: "public-key" as const }] });
  expect((await assertWith(file)).id).toBe(second.id);
  expect((await assertWith(file, allow(first.id))).id).toBe(first.id);
  await expect(assertWith(file, allow("AAAA"))).rejects.toThrow(/register one first/);
  await expect(file.create({ ...OPTIONS, excludeCredentials: [{ id: first.id, type: "public-key" }] }, ORIGIN)).rejects.toThrow(/already/);
});

test("a site that does not accept ES256 gets no passkey", async () => {
  await expect(file.create({ ...OPTIONS, pubKeyCredParams: [{ alg: -257, type: "public-key" }] }, ORIGIN)).rejects.toThrow(/ES256/);
  expect(await file.list()).toEqual([]);
});

test("a damaged file is refused, not changed, and its content does not appear in the error", async () => {
  await file.create(OPTIONS, ORIGIN);
  for (const [text, why] of [
    ['{"d": "secret', "is not JSON"],
    ['{"version": 2, "passkeys": []}', "is not a passkey file"],
  ] as const) {
    await writeFile(file.path, text, { mode: 0o600 });
    await expect(file.create(OPTIONS, ORIGIN)).rejects.toThrow(new RegExp(`^(?!.*secret).*${why}.*register a new passkey`));
    expect(await readFile(file.path, "utf8")).toBe(text);
  }
});

test("the environment sets the folder", () => {
  expect(resolvePasskeyPath({ OGR_CONFIG_DIR: "/a", XDG_CONFIG_HOME: "/b" })).toBe("/a/passkey.json");
  expect(resolveConfigDirectory({ XDG_CONFIG_HOME: "/b" })).toBe("/b/ogr");
  expect(resolveConfigDirectory({ OGR_CONFIG_DIR: "", XDG_CONFIG_HOME: "" })).toMatch(/\/\.config\/ogr$/);
});
