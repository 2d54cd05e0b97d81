import type { Command } from "commander";
import { type Answer, requireValue } from "../../client/http/problem.js";
import type { RegistryClient } from "../../client/http/registry-client.js";
import { addExamples, buildRegistryCommand } from "../build-command.js";
import { formatCard, formatCommand, formatPermit, formatProject, formatReceipt } from "../terminal/text.js";

const JTI = "5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10";

/** `ogr card show`. */
export function buildCardShowCommand(): Command {
  const command = buildShowCommand("card", "show a card with its plan and what it waits for", (registry) => registry.readCard, formatCard);
  return addExamples(command, "ogr card show k-b06e3b3672441f6c4167", "ogr card show k-b06e3b3672441f6c4167 --json | jq .plan");
}

/** `ogr command show`. */
export function buildCommandShowCommand(): Command {
  const command = buildShowCommand("jti", "show a command and its result", (registry) => registry.readCommand, formatCommand);
  return addExamples(command, `ogr command show ${JTI}`);
}

/** `ogr permit show`. */
export function buildPermitShowCommand(): Command {
  const description = "show a permit and whether it can still be used";
  const command = buildShowCommand("jti", description, (registry) => registry.readPermitState, formatPermit);
  return addExamples(command, `ogr permit show ${JTI}`);
}

/** `ogr project show`. */
export function buildProjectShowCommand(): Command {
  const description = "show a project with its refs, releases and activity";
  const command = buildShowCommand("project", description, (registry) => registry.readProject, formatProject);
  return addExamples(command, "ogr project show P.demo", "ogr project show P.demo --json | jq '.refs[].name'");
}

/** `ogr receipt show`. The JSON can be kept and verified later. */
export function buildReceiptShowCommand(): Command {
  const command = buildShowCommand("jti", "show the receipt of a command", (registry) => registry.readReceipt, formatReceipt);
  return addExamples(command, `ogr receipt show ${JTI} --json > receipt.json`);
}

function buildShowCommand<T>(
  argument: string,
  description: string,
  getReader: (registry: RegistryClient) => (id: string) => Promise<Answer<T>>,
  format: (found: T) => string,
): Command {
  return buildRegistryCommand(`show <${argument}>`, description, async ({ arguments: [id = ""], out, openClient }) => {
    const found = requireValue(await getReader(await openClient())(id));
    out.print(found, format(found));
  });
}
