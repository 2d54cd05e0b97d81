import type { TenantSeed } from "../../src/lab256/identity/seed.js";
import { demoTenants } from "../../src/stack/founding/demo-tenants.js";

const buildMember = (office_id: string, ...roles: string[]) => ({ office_id, roles });
const buildPerson = (name: string, person_id: string, ...offices: string[]) => ({
  actor_id: `ubl:sid:person:${name}`,
  person_id,
  display_name: name,
  offices: offices.map((office) => buildMember(office)),
});

/** A second tenant with the same people and a stricter policy. */
export const STRICT_TENANT = "T.STRICT";

/** The offices that the scenarios' policy adds. */
export const QUICK_OFFICE = "office:quick";
export const QUORUM_OFFICE = "office:quorum";

const added = [
  // Bob's second actor, and an agent of the person who opens cards.
  buildPerson("bob-phone", "person:bob", "office::default"),
  buildPerson("dave", "person:dave", "office:infra.deployer"),
  {
    actor_id: "ubl:sid:agent:scribe",
    person_id: "person:ana",
    display_name: "Scribe",
    offices: [buildMember("office::default"), buildMember("office::agents")],
  },
];

/** The tenants of the demo with the additional actors of the scenarios. */
export function buildScenarioTenants(): TenantSeed[] {
  const [demo, ...others] = demoTenants;
  if (demo === undefined) throw new Error("the demo has no tenant");
  const actors = [...(demo.actors ?? []), ...added].map((actor) =>
    actor.actor_id.endsWith(":admin")
      ? { ...actor, offices: [...(actor.offices ?? []), buildMember(QUICK_OFFICE), buildMember(QUORUM_OFFICE)] }
      : actor,
  );
  const strict = [
    buildPerson("admin", "person:ana", "office::default"),
    { ...buildPerson("bob", "person:bob"), offices: [buildMember("office::default", "owner", "security")] },
    { ...buildPerson("bob-phone", "person:bob"), offices: [buildMember("office::default", "owner", "security")] },
    { ...buildPerson("carol", "person:carol"), offices: [buildMember("office::default", "owner")] },
  ];
  return [{ ...demo, actors }, ...others, { tenant_id: STRICT_TENANT, actors: strict }];
}
