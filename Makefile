# Works with the make of macOS (3.81) as with GNU make 4, and needs only a POSIX shell beside Go.

# The modules of this repository, all of them in go.work.
MODULES  := . rotadash rotaprom stringsvc cmd/rota bench
PACKAGES := $(MODULES:%=./%/...)

GO          ?= go
TESTFLAGS   ?=
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
BENCH       ?= .
COUNT       ?= 5
FUZZTIME    ?= 10s
FAULTS      ?=
SIMFLAGS    ?=
PLATFORMS   ?= linux/arm64 darwin/arm64 windows/amd64

# In each module by itself, as its users see it: in a directory $$m, without go.work.
each = set -e; for m in $(MODULES); do echo "== $$m"; (cd "$$m" && export GOWORK=off && $(1)); done

.DEFAULT_GOAL := help
.PHONY: help demo test race integration browser browser-deps screenshots lint bench compare faults experiments fuzz cover cross release-check tidy tidy-check ci

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: ## three replicas and a front in one process; Ctrl-C ends it
	$(GO) run ./stringsvc/cmd/stringsvc demo

test: ## the tests of every module; needs nothing but Go
	$(GO) test $(TESTFLAGS) $(PACKAGES)

race: ## the same under the race detector; needs gcc on Linux
	$(GO) test -race $(TESTFLAGS) $(PACKAGES)

integration: browser-deps ## race, plus the tests that need gcc or a Debian package (wrk, chromium and npm)
	$(GO) test -race -tags integration $(TESTFLAGS) $(PACKAGES)

browser: browser-deps ## the live page in headless Chromium, alone
	$(GO) test -count=1 -tags integration -run TestBrowser -v ./rotadash

browser-deps: rotadash/browser/node_modules/.package-lock.json ## what those tests need of npm

rotadash/browser/node_modules/.package-lock.json: rotadash/browser/package-lock.json
	cd rotadash/browser && npm ci --no-audit --no-fund --ignore-scripts && touch node_modules/.package-lock.json

screenshots: browser-deps ## pictures of the live page for docs/, from a demo with faults; takes two minutes
	$(GO) build -o bin/ ./stringsvc/cmd/stringsvc
	node rotadash/browser/screenshots.mjs bin/stringsvc docs

lint: ## gofmt, vet, staticcheck and the rules of internal/archtest
	@unformatted=$$("$$($(GO) env GOROOT)/bin/gofmt" -l .); \
	if [ -n "$$unformatted" ]; then echo "gofmt -w these:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet -tags integration $(PACKAGES)
	$(GO) run $(STATICCHECK) -tags integration $(PACKAGES)
	$(GO) test -count=1 ./internal/archtest

bench: ## core, RoundTripper, whole fronts and the proxy beside others (BENCH, COUNT; needs wrk, for its rows nginx and haproxy)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) .
	cd bench && $(GO) run ./cmd/bench && $(GO) run ./cmd/roundtrip && $(GO) run ./cmd/proxies

compare: ## the table: a go-kit front and ours before the same misbehaving replicas
	cd bench && $(GO) test -count=1 -tags integration -run TestCompare -v ./...

faults: ## the tables: what callers of the front and of the proxy notice while replicas misbehave (FAULTS: flags, -h)
	cd bench && $(GO) run ./cmd/faults $(FAULTS)

experiments: ## every experiment that ships, and their tables in docs/EXPERIMENTS.md; takes long (SIMFLAGS)
	@set -e; mkdir -p docs/experiments; \
	{ printf '# Experiments\n\nWritten by `make experiments` from the files in sim/experiments; see SIMULATOR.md, and FINDINGS.md for what to make of them.\n\n'; \
		$(GO) run ./cmd/rota sim -markdown -out docs/experiments $(SIMFLAGS) sim/experiments/*.yaml; \
	} >docs/EXPERIMENTS.md.new; mv docs/EXPERIMENTS.md.new docs/EXPERIMENTS.md

fuzz: ## every Fuzz target for FUZZTIME
	@set -e; grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sort | while IFS=: read -r file decl; do \
		echo "== $${file%/*} $${decl#func }"; \
		(cd "$${file%/*}" && $(GO) test -run '^$$' -fuzz "^$${decl#func }\$$" -fuzztime $(FUZZTIME) . </dev/null); \
	done

cover: ## statement coverage of every module, by package; the lines are in cover.out
	$(GO) test -coverprofile=cover.out $(PACKAGES)
	@$(GO) tool cover -func=cover.out | tail -n 1

cross: ## build every module for the other PLATFORMS, and type-check its tests for Windows
	@set -e; for p in $(PLATFORMS); do echo "== $$p"; \
		GOOS="$${p%/*}" GOARCH="$${p#*/}" CGO_ENABLED=0 $(GO) build $(PACKAGES); done
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 $(GO) vet $(PACKAGES)

release-check: ## every module builds and its tests compile without go.work
	@$(call each,$(GO) build ./... && $(GO) vet -tags integration ./...)

tidy: ## go mod tidy in every module
	@$(call each,$(GO) mod tidy)

tidy-check: ## fail if tidy would change something
	@$(call each,$(GO) mod tidy -diff)

ci: ## everything that must be green, as the machine that checks a change runs it
	.ci/run
