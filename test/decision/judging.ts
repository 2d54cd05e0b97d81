import { computeUserHandle } from "../../src/decision/assertion.js";
import { Charters } from "../../src/decision/charter/charters.js";
import type { NewestCharter } from "../../src/decision/charter/newest-charter.js";
import { decideCardAct } from "../../src/decision/decide-act.js";
import { type CardRound, judgeStatement, type StatementTimes } from "../../src/decision/judge-statement.js";
import { loadPolicy, type Policy } from "../../src/decision/policy/policy.js";
import { hashPlan, type Plan } from "../../src/domain/act/plan.js";
import { signObject } from "../../src/domain/bytes/signature.js";
import { type Card, hashCard } from "../../src/domain/card/card.js";
import { computeStatementChallenge, type SignedStatement, type Statement } from "../../src/domain/card/statement.js";
import type { ChangeParams } from "../../src/domain/charter/change.js";
import { TERMINAL_ORIGIN } from "../../src/domain/charter/passkeys.js";
import type { Passkey } from "../../src/domain/charter/records.js";
import { attestStatement, createNonce } from "../../src/lab256/identity/passkeys/statements.js";
import { encodePublicKey, generatePasskey, type Passkey as SoftwarePasskey } from "../../src/passkey/authenticator.js";
import { assertPasskey } from "../../src/passkey/client.js";
import { readDefaultPolicy } from "../../src/stack/founding/policy.js";
import { createTestKey } from "../domain/samples.js";
import { buildActor, buildPerson, CharterWriter, POLICY, permitKey, RP, TENANT } from "./charter/charters.js";

export const NOW_MS = Date.UTC(2026, 10, 22);
/** Bob holds `office:security` before this time. */
export const SECURITY_UNTIL_MS = NOW_MS + 1_000;
const ORIGIN = `https://${RP}`;
const SIGN_IN_RP = "sign-in.example";

export const toActorId = (name: string) => `ubl:sid:person:${name}`;
export const toPersonId = (name: string) => `person:${name}`;
export const BOB = { actor_id: toActorId("bob"), person_id: toPersonId("bob") };
/** Bob is responsible for the app and Carol for the agent. */
export const APP = "ubl:sid:app:ci";
export const AGENT = "ubl:sid:agent:x";

/** The api signs cards and statements with it. */
export const apiKey = createTestKey();

/** A software passkey, and its record in the charter. */
export interface CharterPasskey {
  readonly own: SoftwarePasskey;
  readonly record: Passkey;
}

export function createCharterPasskey(person: string, changes: Partial<Pick<Passkey, "relying_party" | "counts_to">> = {}): CharterPasskey {
  const { relying_party = RP, counts_to = "L5" } = changes;
  const handle = Buffer.from(computeUserHandle(toPersonId(person))).toString("base64url");
  const own = generatePasskey(relying_party, { handle, name: person });
  const public_key = Buffer.from(encodePublicKey(own)).toString("base64url");
  return { own, record: { credential_id: own.credential_id, public_key, name: person, relying_party, registration: null, counts_to } };
}

/** `weak` is Bob's and counts up to L3, `signIn` is Bob's and of a relying party where people only sign in. */
export const passkeys = {
  bob: createCharterPasskey("bob"),
  weak: createCharterPasskey("bob", { counts_to: "L3" }),
  signIn: createCharterPasskey("bob", { relying_party: SIGN_IN_RP }),
  carol: createCharterPasskey("carol"),
  /** Bob's, but not in the charter. */
  unknown: createCharterPasskey("bob"),
};

export const people = {
  ana: buildPerson("ana", { passkeys: [] }),
  bob: buildPerson("bob", { passkeys: [passkeys.bob.record, passkeys.weak.record, passkeys.signIn.record] }),
  carol: buildPerson("carol", { passkeys: [passkeys.carol.record] }),
};

/** A charter with Ana, Bob and Carol, Bob's app and Carol's agent. */
export function writeCharter(): CharterWriter {
  const writer = new CharterWriter();
  const bobsOffices = [
    { office_id: "office::default", roles: ["maintainer"] },
    { office_id: "office:security", roles: [], until: SECURITY_UNTIL_MS },
  ];
  writer.append({
    jobType: "registry.charter.found",
    params: {
      policy_hash: POLICY,
      persons: Object.fromEntries(Object.entries(people).map(([name, person]) => [toPersonId(name), person])),
      actors: {
        [toActorId("ana")]: buildActor(toPersonId("ana")),
        [BOB.actor_id]: buildActor(BOB.person_id, { offices: bobsOffices }),
        [toActorId("carol")]: buildActor(toPersonId("carol")),
        [APP]: buildActor(BOB.person_id),
        [AGENT]: buildActor(toPersonId("carol")),
      },
      keys: {
        [apiKey.kid]: { use: "statement", jwk: apiKey.jwk, revoked: false },
        [permitKey.kid]: { use: "permit", jwk: permitKey.jwk, revoked: false },
      },
      relying_parties: {
        [RP]: { origins: [ORIGIN, TERMINAL_ORIGIN], use: "approve" },
        [SIGN_IN_RP]: { origins: [`https://${SIGN_IN_RP}`], use: "sign_in" },
      },
      tenants: {},
      policy_codes: [],
    },
  });
  return writer;
}

export function changeMembers(writer: CharterWriter, params: Partial<ChangeParams<"registry.members.change">>): void {
  writer.append({ jobType: "registry.members.change", params: { persons: {}, actors: {}, ...params } });
}

/** Reads the writer's newest charter as a process that has read nothing before. */
export async function readCharter(writer: CharterWriter): Promise<NewestCharter> {
  const get = (key: string) => writer.read(Number(/(\d+)\.json$/.exec(key)?.[1]));
  const charters = new Charters(
    { blobs: { get, stat: async () => undefined } },
    { tenant_id: writer.tenant_id, founding_jwk: writer.key.jwk },
  );
  const charter = await charters.readNewest(writer.tenant_id);
  if (!charter.ok) throw new Error(charter.denial.message);
  return charter.value;
}

let policy: Promise<Policy> | undefined;

export async function readRules(writer: CharterWriter) {
  policy ??= readDefaultPolicy().then(loadPolicy);
  return { charter: await readCharter(writer), policy: await policy };
}

interface RoundChanges {
  readonly risk?: "L3" | "L4" | "L5";
  readonly round?: number;
  readonly intent?: string;
  readonly author?: Card["author"];
  readonly author_emails?: string[];
  readonly pushers?: CardRound["pushers"];
}

/** A round of Ana's card, which registers a project. The shipped policy decides its level and its requirements. */
export async function buildRound(writer: CharterWriter, changes: RoundChanges = {}): Promise<CardRound> {
  const {
    risk = "L3",
    round = 2,
    intent = "Register the project.",
    author_emails = [],
    pushers = { person_ids: [], exact: true },
  } = changes;
  const { author = { actor_id: toActorId("ana"), person_id: toPersonId("ana") } } = changes;
  const params = { project_id: "P.demo", name: "Demo", owners: [author.actor_id], visibility: "internal" as const };
  const act = { jobType: "git.registry.init", target: "LAB_512" } as const;
  const unsigned = {
    ...{ ...act, tenant_id: TENANT, params },
    ...{ office_id: "office::default", intent, context: {}, risk, card_id: "k-demo", jobId: "job-1", run: "on_approval" as const },
    ...{ author, opened_at: NOW_MS },
  };
  const card: Card = signObject("card", unsigned, apiKey);
  const plan: Plan = {
    basis: {
      ...{ tenant_id: TENANT, project_id: "P.demo", job_type: act.jobType, target: act.target, params },
      ...{ refs: [], creates: [], policy_hash: POLICY, infra: "none" },
    },
    ...{ fast_forward: null, commit_count: 0, commits: [], author_emails, pushed_before: [], changed_paths: [] },
    diffstat: { files: 0, insertions: 0, deletions: 0 },
  };
  const planned = { plan, plan_digest: hashPlan(plan) };
  const decided = decideCardAct(await readRules(writer), card, planned, NOW_MS);
  if (!decided.ok) throw new Error(decided.denial.message);
  return { card, round, planned, decided: decided.value, pushers };
}

/** Bob's approval of the round. */
export function buildStatement({ card, round, planned }: CardRound, changes: Partial<Statement> = {}): Statement {
  return {
    ...{ tenant_id: TENANT, card_id: card.card_id, card_digest: hashCard(card), round, plan_digest: planned.plan_digest },
    ...{ decision: "approve", approver: BOB.actor_id, office_id: "office::default", nonce: createNonce(), not_after: NOW_MS + 60_000 },
    ...changes,
  };
}

/** Attests the statement as the api, with a step-up by `passkey`, by default on a page of its own relying party. */
export function signStatement(statement: Statement, passkey?: CharterPasskey, origin?: string): SignedStatement {
  const attested = attestStatement(statement, apiKey);
  if (passkey === undefined) return attested;
  const { own } = passkey;
  const { assertion } = assertPasskey(own, computeStatementChallenge(statement), origin ?? `https://${own.rp_id}`, own.rp_id);
  return { ...attested, assertion };
}

/** Judges a statement by the writer's newest charter and the shipped policy. */
export async function judge(writer: CharterWriter, about: CardRound, candidate: unknown, times: Partial<StatementTimes> = {}) {
  return judgeStatement(await readRules(writer), about, candidate, { at_ms: NOW_MS, used_at_ms: NOW_MS, ...times });
}
