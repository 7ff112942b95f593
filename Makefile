# `make help` says what there is.

CARGO ?= cargo
MINUTES ?= 3
FOLDER ?= $(HOME)/.local/bin

.PHONY: help run test test-cluster cluster lint deny fuzz bench soak image-test image-test-full reference plugin page-test screenshots

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

run: ## Serve an example policy on loopback, with a throw-away certificate: needs no files and no cluster
	@$(CARGO) run --quiet --locked -- serve --dev

test: ## Run the tests that need Rust alone
	@$(CARGO) test --locked
	@echo 'Not run here: the real control plane, helm, and the oracle, which need Go: make test-cluster'

test-cluster: ## Run the tests against a real control plane, helm and the Kubernetes code: needs Go, minutes the first time
	@bin=$$(tests/cluster/build) && SERVICECIDR_GUARD_CLUSTER_BIN=$$bin $(CARGO) test --locked --test cluster

cluster: ## Start the control plane of the tests, with the webhook in front, until Ctrl-C: needs Go
	@bin=$$(tests/cluster/build) && SERVICECIDR_GUARD_CLUSTER_BIN=$$bin $(CARGO) test --quiet --locked --test up

lint: ## Check format, lints and documentation
	@$(CARGO) fmt --check
	@$(CARGO) clippy --locked --all-targets --quiet -- --deny warnings
	@$(CARGO) clippy --locked --test cluster --test up --test soak --test image --test page --quiet -- --deny warnings
	@RUSTDOCFLAGS='--deny warnings' $(CARGO) doc --locked --no-deps --quiet

deny: ## Check dependencies: bans, licences, sources (needs cargo-deny)
	@$(CARGO) deny --locked check bans licenses sources

fuzz: ## Look for what breaks the readers of foreign input, SECONDS=60 each (needs cargo-fuzz)
	@fuzz/run $(or $(SECONDS),60)

bench: ## Run the benchmarks beside the Kubernetes code: needs Go, 3 GB of memory, minutes
	@mkdir -p target/bench-peers && cd benches/peers && GOFLAGS=-mod=readonly go build -trimpath -ldflags '-s -w' -o ../../target/bench-peers/ ./...
	@SERVICECIDR_GUARD_PEERS=$(CURDIR)/target/bench-peers $(CARGO) bench --locked --bench capacity --bench list --bench memory --bench live --bench webhook

soak: ## Load the release build with requests, events and reloads: MINUTES=60 for an hour, PART=reloads, overload or steady for a part
	@$(CARGO) test --release --locked --test soak -- $(MINUTES) $(PART)

image-test: ## Build the image and run it as the chart does: needs Go, root, and Debian's buildah and debootstrap
	@bin=$$(tests/cluster/build) && image=$$(tests/image/build) && \
	  SERVICECIDR_GUARD_CLUSTER_BIN=$$bin SERVICECIDR_GUARD_IMAGE=$$image $(CARGO) test --locked --test image

image-test-full: ## Build the image twice, from nothing, and compare
	@tests/image/build twice

page-test: ## Look at the page in Chromium: needs Debian's chromium
	@$(CARGO) test --locked --test page

screenshots: ## Take the pictures of docs/images anew: needs Debian's chromium
	@mkdir -p docs/images && SERVICECIDR_GUARD_SCREENSHOTS=$(CURDIR)/docs/images $(CARGO) test --quiet --locked --test page it_is_drawn

plugin: ## Build the program and install it as `kubectl servicecidr` into FOLDER=~/.local/bin
	@$(CARGO) build --release --locked
	@install -D -m 755 target/release/servicecidr-guard $(FOLDER)/kubectl-servicecidr
	@ln -sf kubectl-servicecidr $(FOLDER)/kubectl_complete-servicecidr
	@echo 'kubectl servicecidr: in $(FOLDER), which must be on your PATH'

reference: ## Write docs/cli.md and the JSON Schemas under docs anew, from what the program says
	@$(CARGO) run --quiet --locked -- schema > docs/policy.schema.json
	@SERVICECIDR_GUARD_WRITE_REFERENCE=1 $(CARGO) test --quiet --locked --test it reference::the_
