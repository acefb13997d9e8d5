# One command per purpose; each installs what it needs first (scripts/setup.sh) and is quick when
# nothing is missing.
#   make demo    build, start, print the links    (ARGS="--listen 127.0.0.1:9000" are passed on)
#   make test    every test: Rust, foreign tools, real players in a real browser
#   make check   formatting, lints, dependency policy, documentation
#   make bench   measurements
#   make setup   only the installing

TARGET := $(or $(CARGO_TARGET_DIR),target)
ARGS ?=

.PHONY: tables demo test test-rust test-browser check bench setup
.NOTPARALLEL:

demo:
	@bash scripts/setup.sh build
	cargo build --release --locked
	@exec $(TARGET)/release/portcullis dev $(ARGS)

test: test-rust test-browser

test-rust:
	@bash scripts/setup.sh test
	cargo test --locked

test-browser:
	@bash scripts/setup.sh test
	cargo build --locked
	TEST_BINARY=$(abspath $(TARGET))/debug/portcullis \
	  node --test --test-concurrency=1 --test-reporter=spec tests/browser/*.test.js
	node scripts/tables.mjs --check

# The tables of the README, out of what the last run of the browser tests saw.
tables:
	node scripts/tables.mjs --write

check:
	@bash scripts/setup.sh check
	cargo fmt --check
	cargo clippy --locked --all-targets --all-features -- -D warnings
	cargo deny --log-level warn check bans licenses sources
	@bash scripts/check-advisories.sh
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

bench:
	@bash scripts/setup.sh test
	cargo bench --locked

setup:
	@bash scripts/setup.sh build test check
