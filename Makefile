# Short names for the scripts in tools/.

.PHONY: help run run-oidc dev build test check unit test-postgres client openapi e2e attack pictures bench sbom setup clean

help: ## prints this list
	@tools/help.sh

run: ## sets up, builds and starts Callgate with its demo users
	@tools/run.sh

run-oidc: ## the same with an OpenID provider, to try logins with an account elsewhere
	@tools/run-oidc.sh

dev: ## the same for development: rebuilds and reloads the page at each change
	@tools/dev.sh

build: ## builds the release: target/release/callgate and target/site
	@tools/build.sh

test: ## runs all checks and tests: check, unit, postgres, doctests, build, artefacts, client, openapi, e2e
	@tools/test.sh

check: ## checks formatting, lints, documentation, dependencies and project rules
	@tools/test.sh check

unit: ## runs the Rust tests, unit and black-box
	@tools/test.sh unit

test-postgres: ## runs all Rust tests that start servers on PostgreSQL; `make test` runs a selection of them
	@tools/test.sh postgres-all

client: ## runs the Python client, and clients generated from /api/openapi.json, against the release build
	@tools/test.sh build client

openapi: ## tests the release build against its own /api/openapi.json with schemathesis
	@tools/test.sh build openapi

attack: ## runs the long tests: attacks at full length, scanners, fuzzing, a half-hour soak test; bounded, on loopback only
	@tools/test.sh build attack

pictures: ## takes new screenshots for README and docs; check them before you commit them
	@tools/setup.sh test
	@tools/build.sh
	@tools/e2e.sh --config=pictures.config.ts

bench: ## compares the speed with bare axum and peers; about 10 min plus builds, writes benches/results.*
	@tools/bench.sh

sbom: ## writes the software bill of materials (CycloneDX) to target/sbom
	@tools/sbom.sh

e2e: ## runs the Playwright tests in a real browser against the release build
	@tools/test.sh build e2e

setup: ## installs what run and test need (both do it themselves)
	@tools/setup.sh test

clean: ## removes what was built; keeps .data, certs and the tools
	@tools/clean.sh
