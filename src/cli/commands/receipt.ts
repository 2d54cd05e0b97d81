import { requireValue } from "../../client/http/problem.js";
import { verifyPact, verifyReceiptPact } from "../../client/offline/pact.js";
import { verifyReceipt } from "../../client/offline/receipt.js";
import { foreignJwksSchema } from "../../domain/bytes/jwks.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { CliCommand, RegistryCommand } from "../cli-command.js";
import { EXIT } from "../exit-codes.js";
import { UnsuccessfulExit, UsageError } from "../failure.js";
import { readJsonInput } from "../terminal/json-file.js";
import { formatPact, formatReceipt } from "../terminal/text.js";

interface VerifyOptions {
  readonly jwks: string;
  readonly pact?: string;
}

/** `ogr receipt pact`: shows and verifies a Pact. The JSON can be kept and verified later. */
export function buildReceiptPactCommand(): RegistryCommand {
  return new RegistryCommand("pact <jti>", "show the Pact of a merge")
    .addExamples("ogr receipt pact 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10 --json > pact.dsse.json")
    .run(async ({ arguments: [jti = ""], out, openClient }) => {
      const registry = await openClient();
      const envelope = requireValue(await registry.readPact(jti));
      const verdict = verifyPact(envelope, requireValue(await registry.readPublicKeys()));
      out.print(envelope, verdict.valid ? formatPact(verdict.pact, verdict.unproved) : `not valid: ${verdict.why}`);
      if (!verdict.valid) throw new UnsuccessfulExit(EXIT.denied);
    });
}

/** `ogr receipt verify`: verifies a receipt with public keys, offline. */
export function buildReceiptVerifyCommand(): CliCommand<VerifyOptions> {
  return new CliCommand<VerifyOptions>("verify <file>", "verify a receipt's signature offline; - reads standard input")
    .requiredOption("--jwks <file-or-url>", "the Runners' public keys (JWKS)")
    .option("--pact <file>", "also verify this Pact of the merge, and that the receipt names it")
    .addExamples(
      "ogr receipt verify receipt.json --jwks keys.json",
      "ogr receipt verify receipt.json --pact pact.dsse.json --jwks keys.json",
      "ogr receipt show 5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10 --json | ogr receipt verify - --jwks keys.json",
    )
    .run(async ({ options, arguments: [file = ""], out }) => {
      const receipt = await readJsonInput("the receipt", file);
      const keys = parseWith(foreignJwksSchema, await readJsonInput("--jwks", options.jwks));
      if (!keys.ok) throw new UsageError(`--jwks: ${options.jwks} is not a JWK set of Ed25519 keys: ${formatProblems(keys.problems)}`);
      const verdict = verifyReceipt(receipt, keys.value);
      out.print(
        verdict,
        verdict.valid ? `valid: signed by ${verdict.receipt.kid}\n${formatReceipt(verdict.receipt)}` : `not valid: ${verdict.why}`,
      );
      if (!verdict.valid) throw new UnsuccessfulExit(EXIT.denied);
      if (options.pact === undefined) return;
      const pact = verifyReceiptPact(verdict.receipt, await readJsonInput("--pact", options.pact), keys.value);
      out.print(pact, pact.valid ? formatPact(pact.pact, pact.unproved) : `Pact not valid: ${pact.why}`);
      if (!pact.valid) throw new UnsuccessfulExit(EXIT.denied);
    });
}
