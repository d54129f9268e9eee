# Needs Go and make; `make help` says what there is. What else the tests can use is set up by .ci/setup.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
ARGS ?=
TESTFLAGS ?=
FUZZTIME ?= 10s
BENCHFLAGS ?= -benchmem
KILLS ?= 100
DURATION ?= 10m
CONTROLS ?= *
CHAOSFLAGS ?= -round 50 -parallel 2
ADVERSARYFLAGS ?=

# One way of building for everything but the race detector: static, and what is compiled once is used by all.
export CGO_ENABLED := 0

tool := go tool -modfile=.tools/go.mod

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## Build the static binary bin/verbatim
	go build -trimpath -tags timetzdata -ldflags '-s -w -X main.version=$(VERSION)' -o bin/verbatim ./cmd/verbatim

.PHONY: demo
demo: ## Show the main job in one process, without any account (ARGS=--once: exit after the run)
	@go run -buildvcs=false ./cmd/verbatim demo $(ARGS)

.PHONY: setup
setup: ## Install and fetch what the tests use beyond Go, where that can be done
	@.ci/setup

.PHONY: test
test: setup ## Run all tests with the race detector (TESTFLAGS='-run Name')
	@.ci/test $(TESTFLAGS)

.PHONY: lint
lint: ## Check style, import rules and workflows
	$(tool) golangci-lint run
	@.ci/actionlint

.PHONY: format
format: ## Format the Go code as lint wants it
	$(tool) golangci-lint fmt

.PHONY: fuzz
fuzz: ## Run each fuzz target for a short time (FUZZTIME=1m)
	@.ci/fuzz $(FUZZTIME)

.PHONY: bench
bench: ## Run the benchmarks (BENCHFLAGS='-benchmem -count=6')
	go test -run '^$$' -bench . $(BENCHFLAGS) ./...

.PHONY: chaos
chaos: ## Kill the program over and over and see that nothing is lost or done twice (KILLS=1000 CHAOSFLAGS='-seed 2')
	go run ./internal/chaos/run -kills $(KILLS) $(CHAOSFLAGS)
	.ci/postgres go run ./internal/chaos/run -database postgres -kills $(KILLS) $(CHAOSFLAGS)
	.ci/postgres go run ./internal/chaos/run -database postgres -replicas 3 -kills $(KILLS) $(CHAOSFLAGS)
	for sabotage in acknowledge_before_commit no_deduplication; do go run ./internal/chaos/run -kills $(KILLS) $(CHAOSFLAGS) -sabotage $$sabotage || exit; done
	.ci/postgres go run ./internal/chaos/run -database postgres -replicas 3 -kills $(KILLS) $(CHAOSFLAGS) -sabotage no_fencing

.PHONY: controls
controls: ## Take each defence out and see that its test fails (CONTROLS='button-*')
	go run ./internal/controls/run -name '$(CONTROLS)'

.PHONY: adversary
adversary: ## Play people and GitHub against the server, on both databases (DURATION=1h ADVERSARYFLAGS='-rapid.seed 7')
	VERBATIM_ADVERSARY_DURATION=$(DURATION) go test -count=1 -timeout 0 -v -run TestAdversary ./internal/adversary $(ADVERSARYFLAGS)
	VERBATIM_ADVERSARY_DURATION=$(DURATION) .ci/postgres go test -count=1 -timeout 0 -v -run TestAdversary ./internal/adversary $(ADVERSARYFLAGS)

.PHONY: generate
generate: ## Write the generated files anew
	go generate ./...

.PHONY: tidy-check
tidy-check: ## Fail when a go.mod or go.sum is not tidy
	go mod tidy -diff
	cd .tools && go mod tidy -diff
	cd .tools/actionlint && go mod tidy -diff

.PHONY: clean
clean: ## Remove what was built and fetched
	rm -rf bin .cache
