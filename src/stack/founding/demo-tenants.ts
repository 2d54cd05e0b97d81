import type { TenantSeed } from "../../lab256/identity/seed.js";

/** The tenant of the demo, and a second one that demonstrates isolation. */
export const DEMO_TENANT = "T.UBL";
export const OTHER_TENANT = "T.OTHER";

const buildMember = (office_id: string, ...roles: string[]) => ({ office_id, roles });

/** The actors of a new development registry. */
export const demoTenants: readonly TenantSeed[] = [
  {
    tenant_id: DEMO_TENANT,
    actors: [
      {
        actor_id: "ubl:sid:person:admin",
        person_id: "person:ana",
        display_name: "Ana",
        emails: ["ana@ubl.example"],
        offices: [
          buildMember("office::default", "maintainer"),
          buildMember("office:infra.deployer"),
          buildMember("office:registry", "maintainer"),
        ],
      },
      {
        actor_id: "ubl:sid:person:bob",
        person_id: "person:bob",
        display_name: "Bob",
        emails: ["bob@ubl.example"],
        offices: [buildMember("office::default", "approver")],
      },
      {
        actor_id: "ubl:sid:person:carol",
        person_id: "person:carol",
        display_name: "Carol",
        emails: ["carol@ubl.example"],
        offices: [buildMember("office::default", "approver"), buildMember("office:security", "approver")],
      },
      { actor_id: "ubl:sid:agent:builder", person_id: "person:ana", display_name: "Builder", offices: [buildMember("office::agents")] },
      { actor_id: "ubl:sid:app:ci", person_id: "person:ana", display_name: "CI", offices: [buildMember("office::default")] },
    ],
  },
  {
    tenant_id: OTHER_TENANT,
    actors: [
      {
        actor_id: "ubl:sid:person:olga",
        person_id: "person:olga",
        display_name: "Olga",
        emails: ["olga@other.example"],
        offices: [buildMember("office::default", "maintainer")],
      },
    ],
  },
];
