import { type Answer, requireValue } from "../../client/http/problem.js";
import type { RegistryClient } from "../../client/http/registry-client.js";
import { RegistryCommand } from "../cli-command.js";
import {
  formatCard,
  formatCommand,
  formatPermit,
  formatProject,
  formatReceipt,
  formatTenant,
  type ShownProject,
} from "../terminal/text.js";

const JTI = "5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10";

/** `ogr card show`. */
export function buildCardShowCommand(): RegistryCommand {
  const description = "show a card with its plan and what it waits for";
  return buildShowCommand("show <card>", description, (registry, id) => registry.readCard(id), formatCard).addExamples(
    "ogr card show k-b06e3b3672441f6c4167",
    "ogr card show k-b06e3b3672441f6c4167 --json | jq .plan",
  );
}

/** `ogr command show`. */
export function buildCommandShowCommand(): RegistryCommand {
  const description = "show a command and its result";
  return buildShowCommand("show <jti>", description, (registry, jti) => registry.readCommand(jti), formatCommand).addExamples(
    `ogr command show ${JTI}`,
  );
}

/** `ogr permit show`. */
export function buildPermitShowCommand(): RegistryCommand {
  const description = "show a permit and whether it can still be used";
  return buildShowCommand("show <jti>", description, (registry, jti) => registry.readPermitState(jti), formatPermit).addExamples(
    `ogr permit show ${JTI}`,
  );
}

/** `ogr project show`. */
export function buildProjectShowCommand(): RegistryCommand {
  const description = "show a project with its refs, releases and activity";
  return buildShowCommand("show <project>", description, readWholeProject, formatProject).addExamples(
    "ogr project show P.demo",
    "ogr project show P.demo --json | jq '.refs[].name'",
  );
}

async function readWholeProject(registry: RegistryClient, id: string): Promise<Answer<ShownProject>> {
  const answer = await registry.readProject(id);
  return answer.ok ? { ...answer, value: { ...answer.value, refs: await registry.listRefs(id).read() } } : answer;
}

/** `ogr receipt show`. The JSON can be kept and verified later. */
export function buildReceiptShowCommand(): RegistryCommand {
  const description = "show the receipt of a command";
  return buildShowCommand("show <jti>", description, (registry, jti) => registry.readReceipt(jti), formatReceipt).addExamples(
    `ogr receipt show ${JTI} --json > receipt.json`,
  );
}

/** `ogr tenant show`: shows the token's tenant. */
export function buildTenantShowCommand(): RegistryCommand {
  const description = "show your tenant: its transport, its policy, the head of its ledger";
  return buildShowCommand("show", description, (registry) => registry.readTenant(), formatTenant).addExamples(
    "ogr tenant show",
    "ogr tenant show --json | jq -r .policy_hash",
  );
}

function buildShowCommand<T>(
  signature: string,
  description: string,
  read: (registry: RegistryClient, id: string) => Promise<Answer<T>>,
  format: (found: T) => string,
): RegistryCommand {
  return new RegistryCommand(signature, description).run(async ({ arguments: [id = ""], out, openClient }) => {
    const found = requireValue(await read(await openClient(), id));
    out.print(found, format(found));
  });
}
