import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from "@simplewebauthn/server";
import { type Assertion, type Decision, type Statement, statementChallenge } from "../domain/statement.js";
import { type Answer, Refused, required } from "./problem.js";
import type { RegistryClient } from "./registry-client.js";

/** What makes and uses passkeys (WebAuthn Level 3 §5.1.3, §5.1.4): a file of software passkeys, or whatever a client has. */
export interface Authenticator {
  create(options: PublicKeyCredentialCreationOptionsJSON, origin: string): Promise<RegistrationResponseJSON>;
  assert(request: PublicKeyCredentialRequestOptionsJSON, origin: string, rpId: string): Promise<Assertion>;
}

/** The page that a terminal's passkeys belong to: passkeys are for names, so that this machine is called `localhost`. */
export function passkeyOrigin(server: string): string {
  const url = new URL(server);
  if (url.hostname === "127.0.0.1" || url.hostname === "[::1]") url.hostname = "localhost";
  return url.origin;
}

/** Makes a software passkey for the caller and registers it. @throws Refused */
export async function registerPasskey(client: RegistryClient, passkeys: Authenticator, name: string): Promise<void> {
  const options = required(await client.passkeyOptions()) as unknown as PublicKeyCredentialCreationOptionsJSON;
  const response = await passkeys.create(options, passkeyOrigin(client.connection.server));
  required(await client.registerPasskey(response, name));
}

export interface DecisionAsk {
  readonly card_id: string;
  readonly decision: Decision;
  readonly office_id: string;
  /** What the caller was shown; where the plan has changed since, nothing is stated. */
  readonly plan_digest?: string | undefined;
}

/**
 * States a decision about a card's current plan, with step-up where the registry asks for one. The challenge is computed here from the
 * statement, so that a registry cannot have another one signed than it shows.
 */
export async function decide(client: RegistryClient, passkeys: Authenticator, wanted: DecisionAsk): Promise<Answer<{ status: string }>> {
  const prepared = await client.prepareStatement(wanted.card_id, wanted.decision, wanted.office_id);
  if (!prepared.ok) return prepared;
  const { statement, step_up } = prepared.value;
  checkStatement(statement, wanted, client);
  let verdict: Awaited<ReturnType<typeof client.state>>;
  if (step_up === null) verdict = await client.state(statement);
  else {
    const challenge = Buffer.from(statementChallenge(statement)).toString("base64url");
    const options = { ...step_up, challenge } as PublicKeyCredentialRequestOptionsJSON;
    const origin = passkeyOrigin(client.connection.server);
    verdict = await client.state(statement, await passkeys.assert(options, origin, step_up.rpId ?? new URL(origin).hostname));
  }
  if (!verdict.ok) return verdict;
  const { accepted, denial, state } = verdict.value;
  if (accepted) return { ok: true, status: verdict.status, value: { status: state.status } };
  const code = denial?.code ?? "internal";
  return { ok: false, status: 403, problem: { title: "The statement was not accepted", status: 403, code, detail: denial?.message ?? "" } };
}

function checkStatement(statement: Statement, wanted: DecisionAsk, client: RegistryClient): void {
  const differs =
    statement.card_id !== wanted.card_id ||
    statement.decision !== wanted.decision ||
    statement.tenant_id !== client.tenant_id ||
    statement.office_id !== wanted.office_id ||
    (wanted.plan_digest !== undefined && statement.plan_digest !== wanted.plan_digest);
  if (differs)
    throw new Refused({
      title: "The plan has changed",
      status: 409,
      code: "plan_changed",
      detail: `The card ${wanted.card_id} now stands for another plan (${statement.plan_digest}) than the one that was looked at.`,
      next: "Look at the card again and decide anew.",
    });
}
