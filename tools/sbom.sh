#!/usr/bin/env bash
# Writes the software bills of materials (CycloneDX 1.5) to target/sbom, from the lock files: server.cdx.json for the
# program, browser.cdx.json for the browser part, tools.cdx.json and end2end.cdx.json for the npm packages that build
# and test it. None of the latter two is in a release.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
tools/setup.sh sbom
. tools/env.sh
out=target/sbom
mkdir -p "$out"

# rust_sbom <name> <option of cargo cyclonedx>...: moves the file from the folder of Cargo.toml, the only place where
# cargo-cyclonedx writes, and removes the path on this machine.
rust_sbom() {
  local name=$1
  shift
  cargo cyclonedx -qq --format json --spec-version 1.5 --no-default-features --override-filename "sbom-$name.cdx" "$@"
  sed "s|file://$project|file:///callgate|g" "sbom-$name.cdx.json" >"$out/$name.cdx.json"
  rm -f "sbom-$name.cdx.json"
}

# npm_sbom <folder>
npm_sbom() {
  (cd "$1" && npm sbom --package-lock-only --sbom-format cyclonedx --sbom-type application --loglevel=error) \
    >"$out/$1.cdx.json"
}

# cargo-cyclonedx also writes a file for each other workspace member. The dependencies of macros/ are in the first file.
trap 'rm -f "$project"/sbom-*.cdx.json "$project"/macros/sbom-*.cdx.json' EXIT
rust_sbom server --features ssr
rust_sbom browser --features hydrate --target wasm32-unknown-unknown
npm_sbom tools
npm_sbom end2end
for file in "$out"/*.cdx.json; do
  parts=$(node -e '
    const bom = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    if (bom.bomFormat !== "CycloneDX" || !(bom.components?.length > 0)) process.exit(1);
    console.log(bom.components.length);
  ' "$file") || { echo "$file is not a bill of materials." >&2; exit 1; }
  echo "$file: $parts components"
done
