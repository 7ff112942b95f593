# `make help` lists the targets. CONTRIBUTING.md explains them.

CARGO ?= cargo
# Settings of single targets: `make soak MINUTES=60`, `make plugin FOLDER=/usr/local/bin`, `make fuzz SECONDS=600`.
MINUTES ?= 3
FOLDER ?= $(HOME)/.local/bin
SECONDS ?= 60

# Tools that `.ci/tool` installs are found here.
export PATH := $(CURDIR)/target/tools/bin:$(PATH)

.PHONY: help check update run test test-cluster cluster lint lint-workflows deny fuzz bench soak image-test \
  image-test-full reference plugin page-test screenshots

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

check: ## Run everything that CI runs: needs Go, a C compiler and, for some steps, root on Debian
	@.ci/run

update: reference ## Regenerate every generated file; the rendered chart fixtures need Go
	@UPDATE_GOLDEN=1 $(CARGO) test --quiet --locked --test it -- admission:: chart:: commands:: generated::
	@if command -v go > /dev/null; then \
	  bin=$$(tests/cluster/build) && \
	  UPDATE_GOLDEN=1 SERVICECIDR_GUARD_CLUSTER_BIN=$$bin $(CARGO) test --quiet --locked --test cluster -- chart::matrix certificates::permissions; \
	else \
	  echo 'NOT UPDATED: tests/fixtures/chart/*/rendered.yaml, notes.txt and tests/fixtures/permissions need Go' >&2; \
	fi

run: ## Serve an example policy on loopback with a temporary certificate: needs no files and no cluster
	@$(CARGO) run --quiet --locked -- serve --dev

test: ## Run the tests that need only Rust
	@$(CARGO) test --locked
	@echo 'Not run: the tests with a real control plane, helm and the oracle, which need Go: make test-cluster'

test-cluster: ## Run the tests with a real control plane, helm and the Kubernetes code: needs Go, slow the first time
	@bin=$$(tests/cluster/build) && SERVICECIDR_GUARD_CLUSTER_BIN=$$bin $(CARGO) test --locked --test cluster

cluster: ## Start the test control plane with the webhook installed, until Ctrl-C: needs Go
	@bin=$$(tests/cluster/build) && SERVICECIDR_GUARD_CLUSTER_BIN=$$bin $(CARGO) test --quiet --locked --test up

lint: ## Check formatting, lints and documentation comments
	@$(CARGO) fmt --check
	@$(CARGO) clippy --locked --all-targets --quiet -- --deny warnings
	@$(CARGO) clippy --locked --test cluster --test up --test soak --test image --test page --quiet -- --deny warnings
	@RUSTDOCFLAGS='--deny warnings' $(CARGO) doc --locked --no-deps --quiet

lint-workflows: ## Check the GitHub workflows with actionlint, which is installed into target/tools: needs Go
	@.ci/tool actionlint
	@actionlint

deny: ## Check dependencies for bans, licences and sources with cargo-deny, which is installed into target/tools
	@.ci/tool cargo-deny
	@$(CARGO) deny --locked check bans licenses sources

fuzz: ## Fuzz the parsers of untrusted input, SECONDS=60 each, with cargo-fuzz, which is installed into target/tools
	@.ci/tool cargo-fuzz
	@fuzz/run $(SECONDS)

bench: ## Run the benchmarks next to the Kubernetes code: needs Go, 3 GB of memory, several minutes
	@mkdir -p target/bench-peers && cd benches/peers && GOFLAGS=-mod=readonly go build -trimpath -ldflags '-s -w' -o ../../target/bench-peers/ ./...
	@SERVICECIDR_GUARD_PEERS=$(CURDIR)/target/bench-peers $(CARGO) bench --locked --bench capacity --bench list --bench memory --bench live --bench webhook

soak: ## Load the release build with requests, events and reloads for MINUTES=3; PART=reloads, overload, strangers or steady runs one part
	@$(CARGO) test --release --locked --test soak -- $(MINUTES) $(PART)

image-test: ## Build the image and run it as the chart does: needs Go, root, and Debian's buildah and debootstrap
	@bin=$$(tests/cluster/build) && image=$$(tests/image/build) && \
	  SERVICECIDR_GUARD_CLUSTER_BIN=$$bin SERVICECIDR_GUARD_IMAGE=$$image $(CARGO) test --locked --test image

image-test-full: ## Build the image twice from scratch and compare the results
	@tests/image/build twice

page-test: ## Test the web page in Chromium: needs Debian's chromium
	@$(CARGO) test --locked --test page

screenshots: ## Retake the screenshots in docs/images: needs Debian's chromium
	@mkdir -p docs/images && SERVICECIDR_GUARD_SCREENSHOTS=$(CURDIR)/docs/images $(CARGO) test --quiet --locked --test page page_is_drawn

plugin: ## Build the program and install it as `kubectl servicecidr` in FOLDER=~/.local/bin
	@$(CARGO) build --release --locked
	@install -D -m 755 target/release/servicecidr-guard $(FOLDER)/kubectl-servicecidr
	@ln -sf kubectl-servicecidr $(FOLDER)/kubectl_complete-servicecidr
	@echo 'kubectl servicecidr is installed in $(FOLDER), which must be on your PATH'

reference: ## Regenerate docs/cli.md and the JSON Schemas in docs from the program
	@$(CARGO) run --quiet --locked -- schema > target/policy.schema.json
	@mv target/policy.schema.json docs/policy.schema.json
	@SERVICECIDR_GUARD_WRITE_REFERENCE=1 $(CARGO) test --quiet --locked --test it reference::
