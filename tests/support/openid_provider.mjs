// An OpenID Connect provider for the tests: panva's oidc-provider, with its own pages to sign in and to agree.
//
// node openid_provider.mjs PORT '{"clients": [...], "people": {"ada": {"email": ...}}, "pkce": true}'

import { join } from "node:path";
import { pathToFileURL } from "node:url";

const installed = join(import.meta.dirname, "../../webui/node_modules/oidc-provider/lib/index.js");
const { default: Provider } = await import(pathToFileURL(installed).href);

const [port, given] = process.argv.slice(2);
const { clients, people, logout = true } = JSON.parse(given);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  pkce: { required: () => true },
  claims: {
    openid: ["sub"],
    email: ["email", "email_verified"],
    profile: ["name", "preferred_username"],
    groups: ["groups"],
  },
  features: { rpInitiatedLogout: { enabled: logout } },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
