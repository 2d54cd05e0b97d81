import { Option } from "commander";
import type { Listing } from "../../client/http/paging.js";
import type { RegistryClient } from "../../client/http/registry-client.js";
import { RegistryCommand } from "../cli-command.js";
import { buildLimitOption, buildStatusOption } from "../terminal/option-values.js";
import { type Column, printTable } from "../terminal/table.js";
import { formatStatus, formatTime } from "../terminal/text.js";

interface ListOptions {
  readonly limit: number;
  readonly after?: string;
}

interface ActFilters {
  readonly status?: string;
  readonly project?: string;
}

/** `ogr card list`. */
export function buildCardListCommand(): RegistryCommand {
  return buildListCommand({
    description: "list the cards of the tenant, newest first",
    filters: [buildStatusOption(), buildProjectOption()],
    open: (registry, { status, project }: ActFilters) => registry.listCards({ status, project_id: project }),
    columns: [
      { title: "card", format: (card) => card.card_id },
      { title: "status", format: (card) => formatStatus(card.status) },
      { title: "level", format: (card) => `${card.level ?? "—"}${card.break_glass == null ? "" : " BREAK-GLASS"}` },
      { title: "act", format: (card) => card.jobType },
      { title: "project", format: (card) => card.project_id },
      { title: "author", format: (card) => card.author.actor_id },
      { title: "intent", format: (card) => card.intent },
    ],
    none: "No cards.",
  }).addExamples("ogr card list --status awaiting_approval", "ogr card list --project P.demo --limit 500 --json");
}

/** `ogr command list`. */
export function buildCommandListCommand(): RegistryCommand {
  return buildListCommand({
    description: "list the commands of the tenant, newest first",
    filters: [buildStatusOption(), buildProjectOption()],
    open: (registry, { status, project }: ActFilters) => registry.listCommands({ status, project_id: project }),
    columns: [
      { title: "command", format: (command) => command.jti },
      { title: "status", format: (command) => formatStatus(command.status) },
      { title: "act", format: (command) => command.jobType ?? "—" },
      { title: "project", format: (command) => command.project_id ?? "—" },
      { title: "actor", format: (command) => command.actor_id ?? "—" },
      { title: "issued", format: (command) => (command.issued_at === null ? "—" : formatTime(command.issued_at)) },
      { title: "why", format: (command) => command.denial?.code ?? "" },
    ],
    none: "No commands.",
  }).addExamples("ogr command list --status running", "ogr command list --project P.demo --json");
}

/** `ogr project list`. */
export function buildProjectListCommand(): RegistryCommand {
  return buildListCommand({
    description: "list the projects of the tenant, newest first",
    open: (registry) => registry.listProjects(),
    columns: [
      { title: "project", format: (project) => project.id },
      { title: "visibility", format: (project) => project.visibility },
      { title: "last activity", format: (project) => formatTime(project.last_activity) },
      { title: "owners", format: (project) => project.owners.join(", ") },
      { title: "name", format: (project) => project.name },
    ],
    none: "No projects.",
  })
    .option("--after <cursor>", "start after this cursor of the API")
    .addExamples("ogr project list", "ogr project list --limit 500 --json");
}

/** `ogr actor list`. */
export function buildActorListCommand(): RegistryCommand {
  return buildListCommand({
    description: "list the persons, agents and apps of the tenant with their offices",
    filters: [new Option("--office <office>", "only actors who hold this office")],
    open: (registry, { office }: { readonly office?: string }) => registry.listActors({ office_id: office }),
    columns: [
      { title: "actor", format: (actor) => actor.actor_id },
      { title: "name", format: (actor) => actor.display_name },
      { title: "person", format: (actor) => actor.person_id ?? "—" },
      { title: "state", format: (actor) => (actor.disabled ? "disabled" : "active") },
      { title: "offices", format: (actor) => actor.offices.map(({ office_id, roles }) => [office_id, ...roles].join("+")).join(", ") },
    ],
    none: "No actors.",
  }).addExamples("ogr actor list", "ogr actor list --office office:security");
}

/** `ogr office list`: shows what the active policy lets each office do. */
export function buildOfficeListCommand(): RegistryCommand {
  return buildListCommand({
    description: "list the offices of the tenant and what its policy lets them do",
    open: (registry) => registry.listOffices(),
    columns: [
      { title: "office", format: (office) => office.office_id },
      { title: "holders", format: (office) => String(office.holders) },
      { title: "up to", format: (office) => office.policy?.risk_ceiling ?? "—" },
      { title: "targets", format: (office) => office.policy?.targets.join(", ") ?? "—" },
      { title: "may", format: (office) => office.policy?.allowed_actions.join(", ") ?? "nothing: the policy does not know it" },
    ],
    none: "No offices.",
  }).addExamples("ogr office list", "ogr office list --json | jq '.[].office_id'");
}

interface List<T, O> {
  readonly description: string;
  readonly filters?: readonly Option[];
  open(registry: RegistryClient, options: O): Listing<T>;
  readonly columns: readonly Column<T>[];
  /** Tells a person that the list is empty. */
  readonly none: string;
}

function buildListCommand<T, O>({ description, filters = [], open, columns, none }: List<T, O>): RegistryCommand<O & ListOptions> {
  const command = new RegistryCommand<O & ListOptions>("list", description);
  for (const filter of filters) command.addOption(filter);
  return command.addOption(buildLimitOption()).run(async ({ options, out, openClient }) => {
    const registry = await openClient();
    const items = await open(registry, options).read(options);
    printTable(out, items, columns, none);
  });
}

function buildProjectOption(): Option {
  return new Option("--project <project>", "only those of this project");
}
