import type { PublicKeyCredentialCreationOptionsJSON, RegistrationResponseJSON } from "@simplewebauthn/server";
import { z } from "zod";
import type { Assertion } from "../domain/card/statement.js";
import { parseJson } from "../domain/json.js";
import { formatProblems, parseWith } from "../domain/problems.js";
import { readPrivateFile, withPrivateFileLock, writePrivateFile } from "../process/private-file.js";
import { type Passkey, passkeySchema } from "./authenticator.js";
import { type AssertionRequest, assertPasskey, canAnswerRequest, createPasskey } from "./client.js";

const PASSKEYS_MAX = 100;
const contentSchema = z.strictObject({ version: z.literal(1), passkeys: z.array(passkeySchema).max(PASSKEYS_MAX).readonly() });

/** A passkey without its key. */
export type PasskeySummary = Pick<Passkey, "credential_id" | "rp_id" | "user_name" | "counter">;

export interface PasskeyFile {
  readonly path: string;
  list(): Promise<PasskeySummary[]>;
  /**
   * Creates and stores a passkey. Returns the response that registers it.
   *
   * @throws if the options exclude a passkey of this file (the person has registered it already), or the file is full.
   */
  create(options: PublicKeyCredentialCreationOptionsJSON, origin: string): Promise<RegistrationResponseJSON>;
  /**
   * Asserts with the newest suitable passkey and returns the result of `use`. The increased counter is on the disk before `use` is called.
   * The file stays locked until `use` has settled: a registry refuses an assertion that arrives after one with a higher counter.
   *
   * @throws if no passkey of this file is suitable, or if `use` fails.
   */
  assert<T>(request: AssertionRequest, origin: string, rpId: string, use: (assertion: Assertion) => Promise<T>): Promise<T>;
}

/**
 * The software passkeys in a file: a WebAuthn authenticator for terminals and tests. The file holds its keys unencrypted. A step-up
 * cannot distinguish anyone who can read the file (the account, root, a backup) from the person: it proves possession of a file, not
 * presence. In production, use hardware keys or the platform's authenticator.
 *
 * The file is created on first use with mode 0600 in a folder with mode 0700, refused if others can read it, replaced atomically, and
 * changed under a lock, so that no two processes use the same counter.
 */
export function openPasskeyFile(path: string): PasskeyFile {
  const withLockedPasskeys = <T>(work: (passkeys: readonly Passkey[]) => Promise<T>): Promise<T> =>
    withPrivateFileLock(path, async () => work(await readPasskeys(path)));
  return {
    path,
    async list() {
      const passkeys = await readPasskeys(path);
      return passkeys.map(({ credential_id, rp_id, user_name, counter }) => ({ credential_id, rp_id, user_name, counter }));
    },
    create(options, origin) {
      return withLockedPasskeys(async (passkeys) => {
        const excluded = new Set(options.excludeCredentials?.map((credential) => credential.id));
        const present = passkeys.find((passkey) => excluded.has(passkey.credential_id));
        if (present !== undefined)
          throw new Error(
            `A passkey of ${path} is registered for this person already: ${present.credential_id}. Use it, or disable it first.`,
          );
        if (passkeys.length >= PASSKEYS_MAX)
          throw new Error(`${path} holds ${PASSKEYS_MAX} passkeys, the maximum; move it away and start a new one.`);
        const { passkey, response } = createPasskey(options, origin);
        await writePasskeys(path, [...passkeys, passkey]);
        return response;
      });
    },
    assert(request, origin, rpId, use) {
      return withLockedPasskeys(async (passkeys) => {
        const chosen = passkeys.findLast((passkey) => canAnswerRequest(passkey, request, rpId));
        if (chosen === undefined)
          throw new Error(
            `No passkey in ${path} is one that ${rpId} asks for; use the file that holds yours (OGR_CONFIG_DIR), or register one first: ogr passkey register.`,
          );
        const { passkey: used, assertion } = assertPasskey(chosen, request, origin, rpId);
        await writePasskeys(
          path,
          passkeys.map((passkey) => (passkey === chosen ? used : passkey)),
        );
        return use(assertion);
      });
    },
  };
}

async function readPasskeys(path: string): Promise<readonly Passkey[]> {
  const text = await readPrivateFile(path);
  if (text === undefined) return [];
  const value = parseJson(text);
  // The parser's own message can quote the file, which holds a private key.
  if (value === undefined) throw new Error(`${path} is not JSON; restore it, or move it away and register a new passkey.`);
  const parsed = parseWith(contentSchema, value);
  if (!parsed.ok)
    throw new Error(
      `${path} is not a passkey file (${formatProblems(parsed.problems)}); restore it, or move it away and register a new passkey.`,
    );
  return parsed.value.passkeys;
}

async function writePasskeys(path: string, passkeys: readonly Passkey[]): Promise<void> {
  await writePrivateFile(path, `${JSON.stringify({ version: 1, passkeys } satisfies z.infer<typeof contentSchema>, null, 2)}\n`);
}
