# The commands of a working day. Each installs what it needs: see scripts/install.sh.

.DEFAULT_GOAL := build
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

server := $(or $(CARGO_TARGET_DIR),target)/release/switchboard
port := 6996

# The development store, unless the environment names another.
run dev: export SWITCHBOARD__STORE__URL := $(or $(SWITCHBOARD__STORE__URL),sqlite:target/dev/switchboard.db)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## the server, target/release/switchboard (plain `make` does this)
	@scripts/install.sh build
	cargo build --release --locked

# Only a HOST given to make counts: some shells keep the machine's name in theirs.
.PHONY: run
ifeq ($(origin HOST),command line)
ifneq ($(filter 0.0.0.0 :: [::] localhost 127.%,$(HOST))$(if $(HOST),,empty),)
$(error HOST must be the address at which the phone reaches this machine, not "$(HOST)")
endif
run: export SWITCHBOARD__HTTP__LISTEN := $(HOST):$(port)
run: export SWITCHBOARD__HTTP__PUBLIC_URL := http://$(HOST):$(port)
run: build
	@[ -s keys/admin.token ] || (umask 077; openssl rand -hex 32 >keys/admin.token)
	@$(server) seed --set-aside
	@echo 'administrator token: $(CURDIR)/keys/admin.token'
	@SWITCHBOARD__ADMIN__TOKEN=$$(cat keys/admin.token) exec $(server) serve --qr 111
else
run: build ## a server with sample users on this machine only; HOST=<address> serves phones in its network
	@$(server) seed --set-aside
	@exec $(server) serve --dev
endif

.PHONY: dev
dev: build ## fills the development store; USERS=N for N users
	@$(server) seed --set-aside $(if $(USERS),--users $(USERS))

.PHONY: test
test: ## every test, on both engines (starts and stops its own servers); ARGS go to cargo test
	@scripts/test.sh $(ARGS)

.PHONY: soak
soak: ## kill -9 under load, ROUNDS=N times on each engine, and a node stopped for a minute; prints what was lost or came twice
	@SWITCHBOARD_SOAK_ROUNDS=$(or $(ROUNDS),20) scripts/test.sh --test doors -- messages::crash messages::node inbound::loss --nocapture --test-threads 1

.PHONY: check
check: ## formatting, lints, documents, dependencies
	@scripts/check.sh

.PHONY: bench bench-large
bench: ## speed, measured here (starts and stops its own MariaDB); ARGS go to the benchmark: parts of it, and --short to try them
bench-large: ## the same for messages with 5,000,000 in the store, beside an empty one; 8 GB of disk
bench-large: parts := large
bench bench-large:
	@scripts/bench.sh $(parts) $(ARGS)

.PHONY: install
install: ## the server, stripped, into PREFIX/bin (default: cargo's)
	@scripts/install.sh build
	cargo install --path . --locked --profile dist $(if $(PREFIX),--root '$(PREFIX)')

.PHONY: keys
keys: build ## the server's keys, into keys/; never overwrites
	@$(server) keys generate

.PHONY: clean
clean: ## removes what was built, and the development store; keys stay
	cargo clean
