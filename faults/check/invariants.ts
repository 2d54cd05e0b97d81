import { readRepository } from "./git-view.js";
import { type LedgerView, readLedger } from "./ledger-view.js";
import { findTrailViolations } from "./ref-moves.js";
import { type StoreAccess, type StoredReceipt, StoreView } from "./store-view.js";
import { readFlows } from "./temporal-view.js";

export interface CheckTarget {
  readonly store: StoreAccess;
  readonly databaseUrl: string;
  readonly temporal: { readonly address: string; readonly namespace: string };
  readonly tenant: string;
  /** Commands and cards that the api accepted. */
  readonly promised: { readonly commands: readonly string[]; readonly cards: readonly string[] };
}

export interface CheckReport {
  readonly violations: readonly string[];
  readonly receipts: number;
  readonly successes: number;
  readonly moves: number;
  readonly entries: number;
  readonly repositories: number;
}

/**
 * Compares store, ledger and Temporal of an idle registry. Reads everything by its own code and shares none with the registry.
 */
export async function checkInvariants(target: CheckTarget): Promise<CheckReport> {
  const { tenant } = target;
  const store = new StoreView(target.store);
  const ledger = await readLedger(target.databaseUrl, tenant);
  const { receipts, violations: forged } = await store.receipts(tenant);
  const violations = [
    ...ledger.violations,
    ...forged,
    ...(await findEndViolations(store, ledger, receipts, target)),
    ...findRecordViolations(ledger, receipts),
    ...(await findRepositoryViolations(store, ledger, receipts, tenant)),
    ...(await findFlowViolations(ledger, target)),
    ...(await findAnchorViolations(store, ledger, tenant)),
  ];
  const successes = receipts.filter(({ status }) => status === "success");
  return {
    violations,
    receipts: receipts.length,
    successes: successes.length,
    moves: successes.reduce((sum, { refs }) => sum + refs.length, 0),
    entries: ledger.entries.length,
    repositories: (await store.listRepositories(tenant)).length,
  };
}

const ENDS: ReadonlySet<string> = new Set(["permit.revoked", "permit.expired", "permit.refused"]);

/** Every claim and every accepted command and card has exactly one end. */
async function findEndViolations(
  store: StoreView,
  ledger: LedgerView,
  receipts: readonly StoredReceipt[],
  { tenant, promised }: CheckTarget,
): Promise<string[]> {
  const violations: string[] = [];
  const byJti = new Map(receipts.map((receipt) => [receipt.jti, receipt]));
  const claims = new Map((await store.readClaims(tenant)).map((claim) => [claim.jti, claim]));
  const refusals = new Set(await store.listRefusedJtis(tenant));
  const ended = new Set(await store.listEndedJtis(tenant));
  const recordedEnds = new Set(ledger.entries.filter(({ type }) => ENDS.has(type)).map(({ payload }) => (payload as { jti: string }).jti));
  for (const { jti, envelope_digest } of claims.values()) {
    const receipt = byJti.get(jti);
    if (receipt === undefined) violations.push(`${jti} was claimed and has no receipt`);
    if (recordedEnds.has(jti) && receipt?.status === "success") violations.push(`${jti} was ended and has a receipt of success`);
    if (receipt !== undefined && receipt.envelope_digest !== envelope_digest)
      violations.push(`the receipt of ${jti} is for another envelope than its claim`);
  }
  for (const { jti } of receipts) if (!claims.has(jti)) violations.push(`${jti} has a receipt and no claim`);
  for (const jti of promised.commands) {
    const command = ledger.commands.find((one) => one.jti === jti);
    const isEnded = ended.has(jti) || refusals.has(jti);
    if (command === undefined) violations.push(`the accepted command ${jti} is not in the ledger`);
    else if (command.status === "running") violations.push(`the accepted command ${jti} is stuck`);
    if (!byJti.has(jti) && !isEnded) violations.push(`the accepted command ${jti} has neither a receipt nor an end`);
  }
  for (const { jti, status } of ledger.commands) if (status === "running") violations.push(`the command ${jti} is stuck`);
  for (const card_id of promised.cards)
    if (!ledger.cards.some((card) => card.card_id === card_id)) violations.push(`the accepted card ${card_id} is not in the ledger`);
  for (const { card_id, status } of ledger.cards)
    if (["planning", "approved", "running"].includes(status)) violations.push(`the card ${card_id} is stuck in ${status}`);
  return violations;
}

/** The ledger and the projections have each stored receipt once, byte for byte. */
function findRecordViolations(ledger: LedgerView, receipts: readonly StoredReceipt[]): string[] {
  const violations: string[] = [];
  const recorded = ledger.entries
    .filter(({ type }) => type === "receipt.recorded")
    .map(({ payload }) => (payload as { receipt: { jti: string; sig: string } }).receipt);
  const jtis = recorded.map(({ jti }) => jti);
  if (new Set(jtis).size !== jtis.length) violations.push("a receipt was recorded twice");
  for (const { jti, text } of receipts) {
    const entry = recorded.find((one) => one.jti === jti);
    if (entry === undefined) violations.push(`the receipt of ${jti} is not in the ledger`);
    else if (entry.sig !== (JSON.parse(text) as { sig: string }).sig)
      violations.push(`the ledger has another receipt of ${jti} than the store`);
    if (!ledger.receipts.includes(jti)) violations.push(`the table of receipts lacks ${jti}`);
  }
  for (const jti of jtis)
    if (!receipts.some((one) => one.jti === jti)) violations.push(`the ledger has a receipt of ${jti} that the store lacks`);
  return violations;
}

/** The moves of every ref are exactly those of the success receipts, and every ref is complete. */
async function findRepositoryViolations(
  store: StoreView,
  ledger: LedgerView,
  receipts: readonly StoredReceipt[],
  tenant: string,
): Promise<string[]> {
  const violations: string[] = [];
  for (const project of await store.listRepositories(tenant)) {
    const { refs, acts, violations: broken } = await readRepository(store, tenant, project);
    violations.push(...broken);
    const moves = receipts
      .filter((receipt) => receipt.status === "success" && receipt.project_id === project)
      .flatMap(({ jti, refs: moved }) => moved.map((move) => ({ ...move, jti })));
    for (const name of new Set([...refs.keys(), ...moves.map((move) => move.name)]))
      violations.push(
        ...findTrailViolations(
          `${project} ${name}`,
          moves.filter((move) => move.name === name),
          refs.get(name),
        ),
      );
    for (const jti of acts)
      if (!receipts.some((one) => one.jti === jti && one.status === "success"))
        violations.push(`${project} records the act ${jti}, which has no success receipt`);
    const shown = ledger.refs.get(project) ?? new Map<string, string>();
    for (const name of new Set([...refs.keys(), ...shown.keys()]))
      if (refs.get(name) !== shown.get(name))
        violations.push(`${project} ${name} is ${refs.get(name)} in the store and ${shown.get(name)} in the catalog`);
  }
  return violations;
}

/** No flow has failed, and only flows of cards that wait for people are running. */
async function findFlowViolations(ledger: LedgerView, { temporal }: CheckTarget): Promise<string[]> {
  const waiting = new Set(ledger.cards.filter(({ status }) => status === "awaiting_approval").map(({ card_id }) => card_id));
  return (await readFlows(temporal.address, temporal.namespace)).flatMap(({ workflow_id, status }) => {
    if (status === "RUNNING") return waiting.has(workflow_id.split("/").at(-1) ?? "") ? [] : [`the flow ${workflow_id} is stuck`];
    return status === "COMPLETED" ? [] : [`the flow ${workflow_id} is ${status}`];
  });
}

async function findAnchorViolations(store: StoreView, ledger: LedgerView, tenant: string): Promise<string[]> {
  const hashes = new Map(ledger.entries.map(({ seq, hash }) => [seq, hash]));
  return (await store.readAnchors(tenant)).flatMap(({ seq, hash }) =>
    hashes.get(seq) === hash ? [] : [`the anchor of entry ${seq} is not in the ledger`],
  );
}
