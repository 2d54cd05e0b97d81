import type { Command } from "commander";
import { required } from "../../client/problem.js";
import { EXIT } from "../exit-codes.js";
import { registryLeaf } from "../leaf.js";
import { Ended } from "../usage.js";

/** `ogr ledger verify`: has the registry walk the tenant's chain and compare it with its anchors. */
export function ledgerVerify(): Command {
  return registryLeaf("verify", "check the chain of the tenant's ledger", async ({ out, client }) => {
    const ledger = required(await (await client()).verifyLedger());
    const verdict = ledger.ok ? "is whole" : `is BROKEN: ${JSON.stringify(ledger.problem ?? null)}`;
    out.print(ledger, `${ledger.container} ${verdict}: ${ledger.entries} entries, ${ledger.anchors_checked} anchors`);
    if (!ledger.ok) throw new Ended(EXIT.error);
  });
}
