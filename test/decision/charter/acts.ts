import { buildChangePlan } from "../../../src/decision/charter/act-authority.js";
import { KeyHistory } from "../../../src/decision/charter/key-history.js";
import { buildNextEntry } from "../../../src/decision/charter/next-entry.js";
import type { OperatorCharter } from "../../../src/decision/charter/plane-keys.js";
import { CharterWalk } from "../../../src/decision/charter/walk.js";
import { replacePolicyData } from "../../../src/decision/policy/bytes.js";
import type { PolicyData } from "../../../src/decision/policy/data.js";
import { loadPolicy, type Policy } from "../../../src/decision/policy/policy.js";
import { buildFullAllowance } from "../../../src/domain/act/full-allowance.js";
import type { Job } from "../../../src/domain/act/job.js";
import { hashPlan } from "../../../src/domain/act/plan.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { type SigningKey, signObject } from "../../../src/domain/bytes/signature.js";
import { type Card, hashCard } from "../../../src/domain/card/card.js";
import type { SignedStatement, Statement } from "../../../src/domain/card/statement.js";
import type { CharterChange, CharterJobType } from "../../../src/domain/charter/change.js";
import type { CharterEntry } from "../../../src/domain/charter/entry.js";
import type { CharterActor, Person } from "../../../src/domain/charter/records.js";
import { pickOperatorVersion } from "../../../src/domain/charter/versions.js";
import { denyWith, grantValue, type Outcome } from "../../../src/domain/denial.js";
import { createNonce } from "../../../src/lab256/identity/passkeys/statements.js";
import { readDefaultPolicy } from "../../../src/stack/founding/policy.js";
import { createTestKey } from "../../domain/samples.js";
import { apiKey, type CharterPasskey, createCharterPasskey, NOW_MS, signStatement, toActorId, toPersonId } from "../judging.js";
import { buildActor, buildFounding, buildPerson, CharterWriter, permitKey, receiptKey, TENANT } from "./charters.js";
import { walkOf } from "./three-versions.js";

export const OFFICE = "office:registry";
const NAMES = ["ana", "bob", "carol", "dan", "eve"] as const;
export type Name = (typeof NAMES)[number];

export const gitKey = createTestKey();

/** A key for every use by which acts are verified. */
export const PLANE_KEYS = Object.fromEntries(
  (
    [
      [permitKey, "permit"],
      [receiptKey, "receipt"],
      [apiKey, "statement"],
      [gitKey, "git"],
    ] as const
  ).map(([{ kid, jwk }, use]) => [kid, { use, jwk, revoked: false }]),
);

/** A custom section of WebAssembly without contents, named `x`. */
const EMPTY_SECTION = Buffer.of(0, 2, 1, 0x78);

/** How an act is approved and what an attacker replaces in it. */
interface ActChanges {
  readonly author?: Name;
  readonly approvers?: readonly Name[];
  readonly card_id?: string;
  readonly round?: number;
  /** The change that the card is about, if it is another one than the entry's. */
  readonly cardChange?: CharterChange;
  readonly cardKey?: SigningKey;
  readonly tenant_id?: string;
  readonly stepsUp?: boolean;
  readonly passkeyOf?: (name: Name) => CharterPasskey | undefined;
  readonly statement?: Partial<Statement>;
  readonly state_hash?: string;
  readonly used_at_ms?: number;
  readonly operator_version?: number | undefined;
}

/** A charter whose persons can decide at L5, and the acts that change it. Ana, Bob, Carol and Dan have two passkeys each, Eve has none. */
export class ActWorld {
  readonly writer = new CharterWriter();
  readonly policies = new Map<string, Policy>();
  readonly policyBytes = new Map<string, Uint8Array>();
  isOperator = false;
  /** The operator's charter of which the acts' charter takes the keys that it lacks. */
  operator: CharterWriter | undefined;
  /** The rules that the operator's charter lists, if there is no `operator`. */
  readonly policyCodes = new Set<string>();
  readonly passkeys = new Map(NAMES.slice(0, 4).map((name) => [name, [createCharterPasskey(name), createCharterPasskey(name)]] as const));
  #cards = 0;

  /** @param changes the offices that persons hold, the tenants that the operator's charter names, and whether the charter names no key */
  static async open(
    changes: {
      readonly offices?: Partial<Record<Name, readonly string[]>>;
      readonly tenants?: readonly string[];
      readonly operator?: CharterWriter;
    } = {},
  ): Promise<ActWorld> {
    const world = new ActWorld();
    world.operator = changes.operator;
    const policy_hash = await world.addPolicy((data) => data);
    const founding = buildFounding([...NAMES]);
    if (founding.jobType !== "registry.charter.found") throw new Error("a founding");
    const { params } = founding;
    params.policy_hash = policy_hash;
    params.keys = changes.operator === undefined ? PLANE_KEYS : {};
    for (const name of NAMES) {
      params.persons[toPersonId(name)] = world.buildPerson(name);
      const offices = changes.offices?.[name] ?? (name === "eve" ? ["office::agents"] : ["office::default", OFFICE]);
      params.actors[toActorId(name)] = world.buildActor(name, offices);
    }
    params.actors["ubl:sid:agent:x"] = buildActor(toPersonId("bob"), { offices: [{ office_id: "office::agents", roles: [] }] });
    world.isOperator = changes.tenants !== undefined;
    for (const tenant of changes.tenants ?? []) {
      const founding_jwk = tenant === TENANT ? world.writer.key.jwk : createTestKey().jwk;
      params.tenants[tenant] = { founding_jwk, allowance: buildFullAllowance(tenant) };
    }
    world.writer.append(founding);
    return world;
  }

  buildPerson(name: Name, changes: Partial<Person> = {}): Person {
    return buildPerson(name, { passkeys: (this.passkeys.get(name) ?? []).map(({ record }) => record), ...changes });
  }

  buildActor(name: Name, offices: readonly string[]): CharterActor {
    return buildActor(toPersonId(name), { offices: offices.map((office_id) => ({ office_id, roles: [] })) });
  }

  /** Adds a policy with changed data to the store. Returns its hash. */
  async addPolicy(change: (data: PolicyData) => PolicyData): Promise<string> {
    const bytes = await readDefaultPolicy();
    const { data } = await loadPolicy(bytes);
    const changed = replacePolicyData(bytes, change(structuredClone(data)));
    const policy = await loadPolicy(changed);
    this.policies.set(policy.hash, policy);
    this.policyBytes.set(policy.hash, changed);
    return policy.hash;
  }

  /** Adds a policy that has the same data and other rules. */
  async addPolicyWithOtherRules(change: (data: PolicyData) => PolicyData = (data) => data): Promise<Policy> {
    const base = Buffer.concat([await readDefaultPolicy(), EMPTY_SECTION]);
    const bytes = replacePolicyData(base, change(structuredClone((await loadPolicy(base)).data)));
    const policy = await loadPolicy(bytes);
    this.policies.set(policy.hash, policy);
    this.policyBytes.set(policy.hash, bytes);
    return policy;
  }

  openWalk(): CharterWalk {
    const readPolicy = async (_: string, hash: string): Promise<Outcome<Policy>> => {
      const policy = this.policies.get(hash);
      return policy === undefined ? denyWith("policy_not_current", `no policy ${hash}`) : grantValue(policy);
    };
    return new CharterWalk(this.writer.tenant_id, this.writer.key.jwk, {
      readPolicy,
      readPolicyParts: readPolicy,
      readOperator: this.isOperator ? null : () => this.#readOperator(),
    });
  }

  async #readOperator(): Promise<Outcome<OperatorCharter>> {
    const { operator, policyCodes } = this;
    if (operator === undefined) return grantValue({ version: 1, keys: new KeyHistory(), uses: new Set(), policyCodes });
    const walk = walkOf(operator);
    const walked = await walk.advance(operator.read);
    return walked.ok ? grantValue(walk.operatorCharter) : walked;
  }

  async walk(): Promise<CharterWalk> {
    const walk = this.openWalk();
    const outcome = await walk.advance(this.writer.read);
    if (!outcome.ok) throw new Error(outcome.denial.message);
    return walk;
  }

  async findLevel(change: CharterChange): Promise<string> {
    const next = await (await this.walk()).planNext(change);
    return next.ok ? next.value.planned.level : next.denial.code;
  }

  /** Builds the entry of an act as a Runner does, with what an attacker replaces. */
  async buildEntry(change: CharterChange, changes: ActChanges = {}): Promise<CharterEntry> {
    const {
      author = "ana",
      approvers = ["bob", "carol"],
      round = 1,
      cardChange = change,
      cardKey = apiKey,
      stepsUp = true,
      tenant_id = TENANT,
    } = changes;
    const walk = await this.walk();
    const next = await walk.planNext(change);
    if (!next.ok) throw new Error(next.denial.message);
    const { writes, planned } = next.value;
    this.#cards += 1;
    const unsigned = {
      ...{ ...toJob(cardChange), tenant_id, target: "LAB_512", office_id: OFFICE, intent: "Change it.", context: {} },
      ...{ card_id: changes.card_id ?? `k-${this.#cards}`, jobId: `job-${this.#cards}`, run: "on_approval", opened_at: NOW_MS },
      author: { actor_id: toActorId(author), person_id: toPersonId(author) },
    };
    const card = signObject("card", unsigned, cardKey) as Card;
    const plan_digest = hashPlan(
      buildChangePlan({ tenant_id: TENANT, target: "LAB_512", job: toJob(change) }, walk.newest.policy_hash, planned),
    );
    const statements = approvers.map((name): SignedStatement => {
      const statement: Statement = {
        ...{ tenant_id, card_id: card.card_id, card_digest: hashCard(card), round, plan_digest, decision: "approve" },
        ...{ approver: toActorId(name), office_id: "office::default", nonce: createNonce(), not_after: NOW_MS + 60_000 },
        ...changes.statement,
      };
      const passkey = changes.passkeyOf === undefined ? this.passkeys.get(name)?.[0] : changes.passkeyOf(name);
      return signStatement(statement, stepsUp ? passkey : undefined);
    });
    const versions = "operator_version" in changes ? changes : walk.newest.versions;
    const authority = {
      ...{ kind: "act" as const, used_at_ms: changes.used_at_ms ?? NOW_MS, ...pickOperatorVersion(versions) },
      ...{ card, statements, attestations: [] },
    };
    const entry = buildNextEntry(walk, change, writes);
    return { ...entry, ...(changes.state_hash === undefined ? {} : { state_hash: changes.state_hash }), authority };
  }

  /** Checks an entry as the next one, as every reader does. */
  async check(entry: CharterEntry) {
    return (await this.walk()).checkNext(toCanonicalBytes(entry));
  }

  /** Appends the entry. @throws if it is not valid */
  async append(entry: CharterEntry): Promise<void> {
    const checked = await this.check(entry);
    if (!checked.ok) throw new Error(checked.denial.message);
    this.writer.entries.push(entry);
  }

  async act(change: CharterChange, changes: ActChanges = {}): Promise<void> {
    await this.append(await this.buildEntry(change, changes));
  }
}

export function changeMembers(params: {
  persons?: Readonly<Record<string, Person>>;
  actors?: Readonly<Record<string, CharterActor>>;
}): CharterChange {
  return { jobType: "registry.members.change", params: { persons: {}, actors: {}, ...params } };
}

function toJob({ jobType, params }: CharterChange): Job<CharterJobType> {
  return { jobType, params: { project_id: "_", ...params } } as unknown as Job<CharterJobType>;
}
