# The commands that people type. Each is one script in scripts/, which can be called by itself too.
.DEFAULT_GOAL := help
.PHONY: help run test check bench

# Passed on as they are, for example: make test ARGS="-E 'test(upload)'"
ARGS ?=

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

run: ## build Clipper and start it on http://127.0.0.1:8080 with a sample clip
	@scripts/run.sh $(ARGS)

test: ## run every test: real ffmpeg, SQLite and PostgreSQL, a real browser
	@scripts/test.sh $(ARGS)

check: ## format, lints, docs, licences, spelling
	@scripts/check.sh

bench: ## run the benchmarks beside their yardsticks
	@scripts/bench.sh $(ARGS)
