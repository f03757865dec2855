# Short names for the scripts in tools/, where everything is done.

.PHONY: help run dev build test check unit client openapi e2e attack pictures bench sbom setup clean

help: ## this list
	@tools/help.sh

run: ## set up, build and start Callgate with its demo users
	@tools/run.sh

dev: ## the same while you work on it: rebuilds and reloads at each change
	@tools/dev.sh

build: ## the release build: target/release/callgate and target/site
	@tools/build.sh

test: ## everything: check, unit, doctests, build, artefacts, client, openapi, e2e
	@tools/test.sh

check: ## formatting, lints, documentation, dependencies
	@tools/test.sh check

unit: ## Rust tests, unit and black-box
	@tools/test.sh unit

client: ## the Python client, and clients generated from /api/openapi.json, against the release build
	@tools/test.sh build client

openapi: ## the release build against its own /api/openapi.json, by schemathesis
	@tools/test.sh build openapi

attack: ## what takes too long for test: attacks at full length, scanners, fuzzing, half an hour of use; bounded, on loopback only
	@tools/test.sh build attack

pictures: ## the pictures of the README, anew; look at them before you commit them
	@tools/setup.sh test
	@tools/build.sh
	@tools/e2e.sh --config=pictures.config.ts

bench: ## the speed comparison: limit, Callgate, peers; about 5 min and the builds, writes benches/results.*
	@tools/bench.sh

sbom: ## what Callgate is made of, as CycloneDX, in target/sbom
	@tools/sbom.sh

e2e: ## Playwright in a real browser against the release build
	@tools/test.sh build e2e

setup: ## install what run and test need (both do it themselves)
	@tools/setup.sh test

clean: ## remove what was built; keeps .data, certs and the tools
	@tools/clean.sh
