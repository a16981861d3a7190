# Everything that is done with this project has a target here; `make` alone lists them.

CARGO ?= cargo
# Which bed the stories run on: auto (real where this machine can), real (a failure if it cannot), simulated.
BED ?= auto
BINARY := target/release/kubectl-freshimage

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the release binary
	$(CARGO) build --release --locked

.PHONY: demo
demo: build ## Live the story on a simulated cluster; needs nothing but Rust
	$(CARGO) run --release --locked -p testbed -- demo --binary $(BINARY)

.PHONY: demo-shell
demo-shell: build ## The same, and leave the cluster running to play with
	$(CARGO) run --release --locked -p testbed -- demo --binary $(BINARY) --shell

.PHONY: test
test: ## Run every suite; BED=auto|real|simulated chooses where the stories run
	@tests/run --bed $(BED)

.PHONY: check
check: ## Format, lints, documentation and licences alone
	@tests/run --only-checks

.PHONY: real-bed
real-bed: ## Build what the real cluster needs (about 15 minutes once, then cached)
	tests/cluster/doctor
	tests/cluster/build

.PHONY: bench
bench: build ## Measure against kubectl, side by side
	benches/run

.PHONY: completions
completions: ## Write the completion scripts anew
	$(CARGO) build --quiet --locked
	target/debug/kubectl-freshimage completion bash > completions/kubectl-freshimage.bash
	target/debug/kubectl-freshimage completion zsh > completions/_kubectl-freshimage
	target/debug/kubectl-freshimage completion fish > completions/kubectl-freshimage.fish
	target/debug/kubectl-freshimage completion kubectl > completions/kubectl_complete-freshimage
	chmod +x completions/kubectl_complete-freshimage

.PHONY: clean
clean: ## Remove what was built here; the cache outside stays
	$(CARGO) clean
