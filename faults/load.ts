import { setTimeout as sleep } from "node:timers/promises";
import { buildOneCommit } from "../bench/one-commit-bundle.js";
import { createJobId } from "../src/client/acting.js";
import { submitDecision } from "../src/client/deciding.js";
import { Refused, RegistryFault, requireValue } from "../src/client/http/problem.js";
import { createRegistryClient, type RegistryClient } from "../src/client/http/registry-client.js";
import { waitForCardToLeave } from "../src/client/waiting.js";
import { hashBlake3Hex } from "../src/domain/bytes/hash.js";
import { ZERO_ID } from "../src/domain/git/git-id.js";
import type { CommandEnvelope } from "../src/domain/permit/envelope.js";
import type { PasskeyFile } from "../src/passkey/file.js";
import type { Founded } from "../src/stack/founding/founding.js";
import type { Random } from "./random.js";

export const TENANT = "T.UBL";
const OFFICE = "office::default";
const PROJECTS = 3;
const BRANCHES = 3;

/** What the api accepted during the campaign. Each must have exactly one end. */
export interface Promised {
  /** Commands whose issue returned 200. */
  readonly commands: string[];
  /** Cards whose opening returned 200. */
  readonly cards: string[];
}

/** Simulates people who register, push, release, merge, approve, reject and withdraw at random through an api that may be down. */
export class Load {
  readonly promised: Promised = { commands: [], cards: [] };
  readonly counts = { pushes: 0, cards: 0, statements: 0, refused: 0, unreachable: 0 };
  #projects: string[] = [];
  /** The assumed tip of each branch by `project branch`. Others may have moved it. */
  readonly #tips = new Map<string, string>();
  #serial = 0;
  #calls = 0;
  #over = false;

  constructor(
    /** The addresses of the apis, which the calls use in turn. */
    private readonly apiUrls: readonly string[],
    private readonly founded: Founded,
    private readonly passkeys: PasskeyFile,
  ) {}

  /** Runs `people` concurrently until `stop`. @throws every error that is neither a refusal nor an outage. */
  async run(people: number, random: Random): Promise<void> {
    await Promise.all(Array.from({ length: people }, () => this.#runPerson(random.fork())));
  }

  stop(): void {
    this.#over = true;
  }

  /** Registers the shared projects, each with one commit as the base of all its branches. Call it once, before any fault. */
  async prepare(): Promise<void> {
    for (let n = 0; n < PROJECTS; n += 1) {
      const card = await this.#openCard("git.registry.init", buildRegistration(`P.work-${n}`));
      requireValue(await submitDecision(this.#as("bob"), this.passkeys, { card_id: card, decision: "approve", office_id: OFFICE }));
      const end = await waitForCardToLeave(this.#as("admin"), card, ["planning", "awaiting_approval", "approved", "running"], 60_000);
      if (end.status !== "success") throw new Error(`P.work-${n} was not registered: ${end.status}`);
      this.#projects = [...this.#projects, `P.work-${n}`];
      const { status } = await this.#issuePush(
        { project_id: `P.work-${n}`, branch: "feature/root", old: ZERO_ID, ...buildRootCommit() },
        30_000,
      );
      if (status !== "success") throw new Error(`P.work-${n} did not get its first commit: ${status}`);
    }
  }

  async #runPerson(random: Random): Promise<void> {
    while (!this.#over) {
      try {
        await this.#actOnce(random);
      } catch (error) {
        if (error instanceof Refused) this.counts.refused += 1;
        else if (error instanceof RegistryFault) this.counts.unreachable += 1;
        else throw error;
        await sleep(random.drawBetween(50, 300));
      }
    }
  }

  #actOnce(random: Random): Promise<void> {
    const dice = random.next();
    if (dice < 0.7) return this.#push(random);
    if (dice < 0.78) return this.#runCard(random, "git.registry.init", buildRegistration(`P.new-${this.#nextSerial()}`));
    return dice < 0.89 ? this.#release(random) : this.#merge(random);
  }

  /** Pushes a commit onto the assumed tip, so that concurrent pushes collide. */
  async #push(random: Random): Promise<void> {
    const project_id = random.pick(this.#projects);
    const branch = `feature/${random.drawBetween(1, BRANCHES)}`;
    const key = `${project_id} ${branch}`;
    const known = this.#tips.get(key) ?? (await this.#readTip(project_id, branch));
    const parent = known === ZERO_ID ? buildRootCommit().id : known;
    const made = buildOneCommit(branch, parent, `${key} ${this.#nextSerial()}`, `${branch.replace("/", "-")}.txt`);
    // Some do not wait for the result and push on top of a commit that may never be stored.
    const waitMs = random.drawChance(0.2) ? 0 : random.drawBetween(500, 5_000);
    const { status } = await this.#issuePush({ project_id, branch, old: known, ...made }, waitMs);
    if (waitMs === 0 || status === "success") this.#tips.set(key, made.id);
    else this.#tips.delete(key);
  }

  /** Requests a permit and issues the command. Returns its status after `waitMs`. */
  async #issuePush(push: Push, waitMs: number): Promise<{ status: string }> {
    const { project_id, branch, old, bundle } = push;
    const params = { project_id, branch, expected_old: old, commit_summary: "campaign", subject_hash: hashBlake3Hex(bundle) };
    const client = this.#as("admin");
    const asked = { office_id: OFFICE, intent: "campaign", jobType: "git.registry.push", params, target: "LAB_512" };
    const { permit, subject_hash, policy_hash } = requireValue(await client.requestPermit(asked));
    const envelope = {
      ...{ jti: permit.jti, tenant_id: TENANT, jobId: createJobId(), jobType: "git.registry.push" },
      ...{
        params: { ...params, patch: bundle.toString("base64") },
        subject_hash,
        policy_hash,
        permit,
        target: "LAB_512",
        office_id: OFFICE,
      },
    } as CommandEnvelope;
    requireValue(await client.issueCommand(envelope));
    this.promised.commands.push(permit.jti);
    this.counts.pushes += 1;
    return waitMs === 0 ? { status: "running" } : requireValue(await client.readCommand(permit.jti, waitMs));
  }

  async #readTip(project_id: string, branch: string): Promise<string> {
    return (await this.#as("admin").findRef(project_id, `refs/heads/${branch}`)) ?? ZERO_ID;
  }

  async #release(random: Random): Promise<void> {
    const project_id = random.pick(this.#projects);
    const commit = await this.#readTip(project_id, `feature/${random.drawBetween(1, BRANCHES)}`);
    if (commit === ZERO_ID) return;
    await this.#runCard(random, "git.registry.tag_release", { project_id, tag: `v0.${this.#nextSerial()}.0`, commit, notes: "campaign\n" });
  }

  /** Merges a branch into `main`, which others move at the same time. Some merges have nothing to do. */
  async #merge(random: Random): Promise<void> {
    const project_id = random.pick(this.#projects);
    const source = `feature/${random.drawBetween(1, BRANCHES)}`;
    const [expected_source, expected_target] = [await this.#readTip(project_id, source), await this.#readTip(project_id, "main")];
    if (expected_source === ZERO_ID) return;
    const strategy = random.pick(["fast-forward", "merge", "merge", "squash"] as const);
    const params = { project_id, source, target: "main", expected_source, expected_target, strategy };
    await this.#runCard(random, "git.registry.merge_protected", params);
  }

  /** Opens a card, which bob approves, rejects, approves and withdraws from, or leaves open. */
  async #runCard(random: Random, jobType: string, params: object): Promise<void> {
    const card_id = await this.#openCard(jobType, params);
    if (random.drawChance(0.1)) return;
    const [author, approver] = [this.#as("admin"), this.#as("bob")];
    const card = await waitForCardToLeave(author, card_id, ["planning"], random.drawBetween(2_000, 10_000));
    if (card.status !== "awaiting_approval") return;
    const decisions = random.pick([["approve"], ["approve"], ["approve"], ["reject"], ["approve", "withdraw"]] as const);
    for (const decision of decisions) {
      requireValue(await submitDecision(approver, this.passkeys, { card_id, decision, office_id: OFFICE }));
      this.counts.statements += 1;
    }
  }

  async #openCard(jobType: string, params: object): Promise<string> {
    const wanted = { office_id: OFFICE, intent: "campaign", jobType, params, target: "LAB_512" };
    const { card_id } = requireValue(await this.#as("admin").openCard(wanted));
    this.promised.cards.push(card_id);
    this.counts.cards += 1;
    return card_id;
  }

  #as(name: string): RegistryClient {
    const actor = this.founded.actors.find((one) => one.tenant_id === TENANT && one.actor_id.endsWith(`:${name}`));
    if (actor === undefined) throw new Error(`The registry has no actor ${name}.`);
    const server = this.apiUrls[this.#calls % this.apiUrls.length] ?? "";
    this.#calls += 1;
    return createRegistryClient({ server, token: actor.token, timeoutMs: 15_000 }, actor);
  }

  #nextSerial(): number {
    this.#serial += 1;
    return this.#serial;
  }
}

interface Push {
  readonly project_id: string;
  readonly branch: string;
  readonly old: string;
  readonly id: string;
  readonly bundle: Buffer;
}

/** Builds the common base of all branches, without which they could not be merged. */
function buildRootCommit() {
  return buildOneCommit("feature/root", undefined, "root");
}

function buildRegistration(project_id: string) {
  return { project_id, name: project_id, owners: [OFFICE], visibility: "internal" };
}
