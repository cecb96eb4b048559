# What a developer runs; each target says what it does in `make help`. ARGS goes to the program
# behind the target: `make dev ARGS=--manual`, `make test ARGS=offer`.

# Queries are checked against the committed .sqlx, whatever database the shell names.
export SQLX_OFFLINE := true

CARGO ?= cargo
export PROGRAM := $(or $(CARGO_TARGET_DIR),target)/debug/ocen-lender

# nextest where it is installed; in CI it goes on after a failure.
NEXTEST = $(CARGO) nextest run --locked $(if $(CI),--profile ci)
RUN_TESTS = $(if $(shell $(CARGO) nextest --version 2>/dev/null),$(NEXTEST),$(CARGO) test --locked)

# Words in ARGS name faults, options go to the test runner: `make faults ARGS="wires --release"`.
FAULTS = $(or $(addprefix faults::,$(filter-out -%,$(ARGS))),faults::) $(filter -%,$(ARGS))
RUN_FAULTS = $(if $(shell $(CARGO) nextest --version 2>/dev/null),$(NEXTEST) --run-ignored all $(FAULTS),\
	$(CARGO) test --locked $(FAULTS) -- --include-ignored --test-threads 1)

.DEFAULT_GOAL := help
.PHONY: help dev test browser bench faults lint advisories fmt openapi sqlx postgres build

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dev: postgres ## Build and run the sandbox, with its own Postgres
	$(CARGO) run --locked -- dev $(ARGS)

test: postgres build ## Run the suite on a throw-away cluster
	@.ci/with-cluster $(RUN_TESTS) $(ARGS)

browser: postgres build ## Walk through the console in headless Chromium; ARGS=DIR: leave pictures there
	@.ci/browser $(ARGS)

# As the image is built, where the C library can run it.
PACKED = $(shell getconf GNU_LIBC_VERSION 2>/dev/null \
	| awk '{ split($$2, v, "."); if (v[1] > 2 || v[2] >= 36) print "-Clink-arg=-Wl,-z,pack-relative-relocs" }')

bench: postgres build ## Measure, on a cluster that waits for the disk
	@.ci/with-cluster --durable env RUSTFLAGS="$(PACKED)" $(CARGO) bench --locked $(ARGS)

faults: export OCEN_FAULT_JOURNEYS ?= 1000
faults: postgres build ## Run loans while things break; ARGS=kills: only those, OCEN_FAULT_JOURNEYS: how many
	@.ci/with-cluster $(RUN_FAULTS)

lint: postgres build ## Check format, lints, docs, dependencies and .sqlx
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		$(CARGO) deny --config .config/deny.toml check bans licenses sources; \
	else \
		$(CARGO) test --locked --quiet --test it licences::; \
	fi
	@.ci/with-cluster .ci/sqlx --check

advisories: ## Hold dependencies against the RustSec advisory database
	@CARGO="$(CARGO)" .ci/advisories

fmt: ## Format the sources
	$(CARGO) fmt

openapi: build ## Write openapi/ anew from the wire types
	$(PROGRAM) openapi > $(PROGRAM).openapi.json
	mv $(PROGRAM).openapi.json openapi/ocen-v3.json
	$(PROGRAM) openapi --kfs > $(PROGRAM).openapi.json
	mv $(PROGRAM).openapi.json openapi/kfs.schema.json
	$(PROGRAM) openapi --ports > $(PROGRAM).openapi.json
	mv $(PROGRAM).openapi.json openapi/ports.json
	$(PROGRAM) openapi --operators > $(PROGRAM).openapi.json
	mv $(PROGRAM).openapi.json openapi/operators.json
	$(PROGRAM) openapi --postman > $(PROGRAM).openapi.json
	mv $(PROGRAM).openapi.json openapi/postman/ocen-v3.postman_collection.json
	$(PROGRAM) openapi --postman-environment > $(PROGRAM).openapi.json
	mv $(PROGRAM).openapi.json openapi/postman/dev.postman_environment.json

sqlx: postgres $(if $(OCEN_TEST_DATABASE_URL),,$(PROGRAM)) ## Write .sqlx anew from the migrations
	@.ci/with-cluster .ci/sqlx

postgres: ## Make sure that Postgres 14 or newer is installed
	@.ci/postgres >/dev/null

build:
	$(CARGO) build --locked

$(PROGRAM):
	$(CARGO) build --locked
