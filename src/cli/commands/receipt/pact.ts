import type { Command } from "commander";
import { requireValue } from "../../../client/http/problem.js";
import { verifyPact } from "../../../client/offline/pact.js";
import { addExamples, buildRegistryCommand } from "../../build-command.js";
import { EXIT } from "../../exit-codes.js";
import { UnsuccessfulExit } from "../../failure.js";
import { formatPact } from "../../terminal/text.js";

/** `ogr receipt pact`: shows and verifies a Pact. The JSON can be kept and verified later. */
export function buildReceiptPactCommand(): Command {
  const command = buildRegistryCommand("pact <jti>", "show the Pact of a merge", async ({ arguments: [jti = ""], out, openClient }) => {
    const registry = await openClient();
    const envelope = requireValue(await registry.readPact(jti));
    const verdict = verifyPact(envelope, requireValue(await registry.readPublicKeys()));
    out.print(envelope, verdict.valid ? formatPact(verdict.pact, verdict.unproved) : `not valid: ${verdict.why}`);
    if (!verdict.valid) throw new UnsuccessfulExit(EXIT.denied);
  });
  return addExamples(command, "ogr receipt pact 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10 --json > pact.dsse.json");
}
