#!/usr/bin/env bash
# Starts the demo together with an OpenID provider that it accepts logins from. Both listen on loopback only. Ctrl+C ends both.
# Data is in .data/run-oidc.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
tools/build.sh
tools/setup.sh oidc

folder=.data/run-oidc
site=https://localhost:8443
provider=http://127.0.0.1:8450
mkdir -p "$folder"
chmod 700 "$folder"
secret=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
(umask 077; printf %s "$secret" >"$folder/secret")

cat >"$folder/settings.toml" <<END
[[providers]]
key = "example"
name = "Example"
issuer = "$provider"
client_id = "callgate"
client_secret_file = "secret"
provision = "open"
roles = [{ claim = "/groups", value = "callgate-admins", role = "admin" }]
may_map_admin = true
END

cat >"$folder/provider.json" <<END
{
  "port": ${provider##*:},
  "clients": [{
    "client_id": "callgate",
    "client_secret": "$secret",
    "grant_types": ["authorization_code"],
    "redirect_uris": ["$site/login/with/example/callback"],
    "post_logout_redirect_uris": ["$site/logged-out"],
    "backchannel_logout_uri": "$site/login/with/example/backchannel-logout",
    "backchannel_logout_session_required": true
  }],
  "users": [
    {
      "subject": "1001", "login": "ada", "password": "ada_01",
      "claims": {
        "name": "Ada", "preferred_username": "ada", "email": "ada@example.org", "email_verified": true,
        "groups": ["callgate-admins"]
      }
    },
    {
      "subject": "1002", "login": "bob", "password": "bob_01",
      "claims": { "name": "Bob", "preferred_username": "bob", "email": "bob@example.org", "email_verified": true, "groups": [] }
    }
  ]
}
END

stop() {
  # shellcheck disable=SC2046
  kill $(jobs -p) 2>/dev/null || true
  wait
}
trap stop EXIT
trap 'exit 130' INT TERM

# The provider calls Callgate when somebody logs out there, so it must trust the development certificate.
target/release/callgate cert >/dev/null
NODE_EXTRA_CA_CERTS=certs/ca.pem node tools/oidc-provider/provider.mjs "$folder/provider.json" >"$folder/provider.out" 2>"$folder/provider.log" &
until grep -qs 'ready at' "$folder/provider.out"; do
  if ! kill -0 $! 2>/dev/null; then
    echo "The provider did not start at $provider. The end of its log ($folder/provider.log):" >&2
    tail -n 15 "$folder/provider.log" >&2
    exit 1
  fi
  sleep 0.1
done

cat <<END
An OpenID provider is ready at $provider. Press "Continue with Example" on $site/login.

  account  password  here
  ada      ada_01    becomes a new user at the first login, as administrator by the group callgate-admins
  bob      bob_01    becomes a new user at the first login, unless it is linked to another user before

To link bob to a demo user: log in as user01 (password user_01) and open $site/account.
The provider's accounts: $folder/provider.json, read again at each login. Its log: $folder/provider.log.

END
target/release/callgate serve --demo --settings "$folder/settings.toml" --data "$folder/data" --certs certs &
wait $!
