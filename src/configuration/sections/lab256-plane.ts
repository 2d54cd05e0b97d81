import { z } from "zod";
import { buildRequiredText, describeSetting } from "../environment.js";

/** The settings that the processes of LAB 256 share: its keys, and the domain of passkeys. */
export const lab256PlaneSettings = {
  OGR_PERMIT_KEY_FILE: describeSetting(
    buildRequiredText("LAB 256's key for permits (PKCS #8 PEM)"),
    "signs permits (PKCS #8 PEM, Ed25519, mode 0600)",
  ),
  OGR_STATEMENT_KEY_FILE: describeSetting(buildRequiredText("LAB 256's key for statements (PKCS #8 PEM)"), "signs statements"),
  OGR_RECEIPT_JWKS_FILE: describeSetting(buildRequiredText("the Runners' public keys (JWKS)"), "the Runners' public keys (JWKS)"),
  OGR_RP_ID: describeSetting(z.string().default("localhost"), "the domain of passkeys"),
};

/** Every process verifies the charters from this public key. */
export const operatorSettings = {
  OGR_OPERATOR_FILE: describeSetting(
    buildRequiredText("the operator's tenant and its public founding key"),
    "JSON: `tenant_id` and `founding_jwk` of the operator's charter, which has the founding keys of all other tenants",
  ),
};
