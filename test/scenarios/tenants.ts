import type { TenantSeed } from "../../src/lab256/identity/seed.js";
import { demoTenants } from "../../src/stack/founding/demo-tenants.js";

const member = (office_id: string, ...roles: string[]) => ({ office_id, roles });
const person = (name: string, person_id: string, ...offices: string[]) => ({
  actor_id: `ubl:sid:person:${name}`,
  person_id,
  display_name: name,
  offices: offices.map((office) => member(office)),
});

/** A second tenant of the same people, which has a stricter policy than the first. */
export const STRICT_TENANT = "T.STRICT";

/** The offices that the scenarios' policy adds. */
export const QUICK_OFFICE = "office:quick";
export const QUORUM_OFFICE = "office:quorum";

const added = [
  // Bob's second actor, and an agent that belongs to the person who opens cards.
  person("bob-phone", "person:bob", "office::default"),
  person("dave", "person:dave", "office:infra.deployer"),
  {
    actor_id: "ubl:sid:agent:scribe",
    person_id: "person:ana",
    display_name: "Scribe",
    offices: [member("office::default"), member("office::agents")],
  },
];

/** The tenants of the demo with everybody whom the scenarios need besides. */
export function scenarioTenants(): TenantSeed[] {
  const [demo, ...others] = demoTenants;
  if (demo === undefined) throw new Error("the demo has no tenant");
  const actors = [...(demo.actors ?? []), ...added].map((actor) =>
    actor.actor_id.endsWith(":admin")
      ? { ...actor, offices: [...(actor.offices ?? []), member(QUICK_OFFICE), member(QUORUM_OFFICE)] }
      : actor,
  );
  const strict = [
    person("admin", "person:ana", "office::default"),
    person("bob", "person:bob", "office::default"),
    person("bob-phone", "person:bob", "office::default"),
    person("carol", "person:carol", "office::default"),
  ];
  return [{ ...demo, actors }, ...others, { tenant_id: STRICT_TENANT, actors: strict }];
}
