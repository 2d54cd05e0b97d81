import type { Command } from "commander";
import { required } from "../../../client/http/problem.js";
import { verifyPact } from "../../../client/offline/pact.js";
import { EXIT } from "../../exit-codes.js";
import { registryLeaf, withExamples } from "../../leaf.js";
import { pactText } from "../../terminal/text.js";
import { Ended } from "../../usage.js";

/** `ogr receipt pact`: with `--json` the envelope, which can be kept and verified later. */
export function receiptPact(): Command {
  const command = registryLeaf("pact <jti>", "show the Pact of a merge", async ({ arguments: [jti = ""], out, client }) => {
    const registry = await client();
    const envelope = required(await registry.pact(jti));
    const verdict = verifyPact(envelope, required(await registry.jwks()));
    out.print(envelope, verdict.valid ? pactText(verdict.pact, verdict.unproved) : `not valid: ${verdict.why}`);
    if (!verdict.valid) throw new Ended(EXIT.denied);
  });
  return withExamples(command, "ogr receipt pact 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10 --json > pact.dsse.json");
}
