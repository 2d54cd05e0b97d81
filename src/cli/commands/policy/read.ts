import { computeAuthorityActId } from "../../../decision/judge-authority.js";
import type { CharterEntry } from "../../../domain/charter/entry.js";
import { RegistryCommand } from "../../cli-command.js";
import { formatDifference, type JsonDifference, listJsonDifferences } from "../../terminal/differences.js";
import { printTable } from "../../terminal/table.js";
import { buildCharterCommand, type CharterOptions, requireValid, walkCharter } from "../charter/read.js";
import { type LoadedPolicy, readPolicyAt } from "./policy-at.js";

/** `ogr policy show`: the data of a policy. */
export function buildPolicyShowCommand(): RegistryCommand {
  return new RegistryCommand("show [hash-or-file]", "print the data of a policy as JSON (default: the active policy)")
    .addExamples("ogr policy show > data.json", "ogr policy show policy.wasm --json | jq .levels")
    .run(async ({ arguments: [place], out, openClient }) => {
      const { policy } = await readPolicyAt(place, openClient);
      out.print(policy.data, JSON.stringify(policy.data, null, 2));
      out.remark(`policy ${policy.hash}`);
    });
}

/** `ogr policy diff`: how two policies differ. */
export function buildPolicyDiffCommand(): RegistryCommand {
  return new RegistryCommand(
    "diff <hash-or-file> [base-hash-or-file]",
    "show how a policy's data and rules differ from those of another (default: the active policy)",
  )
    .addExamples("ogr policy diff policy.wasm", "ogr policy diff 3f1c… 9a20… --json")
    .run(async ({ arguments: [place, other], out, openClient }) => {
      const [wanted, base] = [await readPolicyAt(place, openClient), await readPolicyAt(other, openClient)];
      const found = comparePolicies(base, wanted);
      out.print(found, formatComparison(found).join("\n"));
    });
}

export interface PolicyComparison {
  readonly before: string;
  readonly after: string;
  readonly rules_differ: boolean;
  readonly differences: readonly JsonDifference[];
}

export function comparePolicies(before: LoadedPolicy, after: LoadedPolicy): PolicyComparison {
  return {
    before: before.policy.hash,
    after: after.policy.hash,
    rules_differ: before.policy.rules_hash !== after.policy.rules_hash,
    differences: listJsonDifferences(before.policy.data, after.policy.data),
  };
}

export function formatComparison({ before, after, rules_differ, differences }: PolicyComparison): string[] {
  return [
    `- ${before}`,
    `+ ${after}`,
    rules_differ ? "The rules differ: review their source too." : "The rules are the same.",
    ...(differences.length === 0 ? ["The data is the same."] : differences.map((one) => formatDifference(one.path, one))),
  ];
}

/** `ogr policy history`: the policies of a tenant. */
export function buildPolicyHistoryCommand(): RegistryCommand<CharterOptions> {
  return buildCharterCommand("history", "list which version of your tenant's charter published which policy, and who decided it")
    .addExamples("ogr policy history", "ogr policy history --founding-key founding.jwk.json --json")
    .run(async ({ options, out, openClient }) => {
      const { charter } = await walkCharter(await openClient(), options);
      requireValid(charter);
      printTable(
        out,
        charter.entries.flatMap(describePublication),
        [
          { title: "version", format: ({ version }) => `${version}` },
          { title: "policy", format: ({ policy_hash }) => policy_hash },
          { title: "by", format: formatAuthority },
        ],
        "No policy yet.",
      );
    });
}

interface Publication {
  readonly version: number;
  readonly policy_hash: string;
  readonly authority:
    | { readonly kind: "founding"; readonly kid: string }
    | { readonly kind: "announcement"; readonly version: number }
    | {
        readonly kind: "act";
        readonly jti: string;
        readonly card_id: string;
        readonly author: string;
        readonly approvers: readonly string[];
      };
}

function describePublication({ version, change, authority }: CharterEntry): Publication[] {
  if (change.jobType !== "registry.charter.found" && change.jobType !== "registry.policy.publish") return [];
  const { policy_hash } = change.params;
  if (authority.kind === "announcement") return [{ version, policy_hash, authority: { kind: authority.kind, version: authority.version } }];
  if (authority.kind !== "act") return [{ version, policy_hash, authority: { kind: "founding", kid: authority.kid } }];
  const { card, statements } = authority;
  const jti = computeAuthorityActId(authority, statements[0]?.statement.plan_digest ?? "");
  const approvers = statements.map(({ statement }) => statement.approver);
  return [{ version, policy_hash, authority: { kind: "act", jti, card_id: card.card_id, author: card.author.actor_id, approvers } }];
}

function formatAuthority({ authority }: Publication): string {
  if (authority.kind === "founding") return `the founding key ${authority.kid}`;
  if (authority.kind === "announcement") return `recovery keys, who announced it in version ${authority.version}`;
  const { jti, card_id, author, approvers } = authority;
  return `act ${jti}, card ${card_id} of ${author}, approved by ${approvers.join(", ")}`;
}
