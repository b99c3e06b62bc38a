# Two commands for a fresh machine: `make demo` and `make test`. All else is cargo, named.
#
# Every target runs the same on a second call; packages are installed only where something is missing.

SHELL := /bin/sh
CARGO ?= cargo
export CARGO

.DEFAULT_GOAL := help
# The real clip that the measurement source is made from; any 720p recording of a few seconds at 25 frames a second.
CLIP ?= ../shared/clips/bigbuckbunny.mp4
# What chunks are measured on: recordings of any size, the more unlike each other the better.
CLIPS ?= $(CLIP) ../shared/clips/bottle-detection.mp4 ../shared/clips/school.mkv
# Other versions of ffmpeg to measure beside the installed one, by their paths.
FFMPEGS ?=
RUNS ?= 5
# How often `campaign` kills a ladder, a single rendition, a download and a worker each, drops downloads, and cuts their
# power; and where its random moments begin.
KILLS ?= 300
DROPS ?= 1000
CUTS ?= 200
# How many recordings of each container it mutates, and how often it transcodes in one process.
MUTANTS ?= 500
TRANSCODES ?= 500
# How long each target is fuzzed, in seconds.
FUZZ_SECONDS ?= 300
# What runs under AddressSanitizer: everything that feeds odd recordings to the linked libraries in the tests' own process.
TRAPS := picture_trap size_change_trap sound_trap timing_trap flush_trap file_trap seam fence
# How many things happen to a booking, in every order of them, before it must have come to its end.
ORDER_STEPS ?= 5
SEED ?= 1

.PHONY: help demo test campaign fuzz asan build lint bench bench-ffmpeg bench-chunks bench-download bench-rate bench-cache bench-worker install-build-packages install-test-packages

help: ## print this list
	@echo 'make <target>:'
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | \
		while IFS='|' read -r name text; do printf '%-26s %s\n' "$$name" "$$text"; done

demo: build ## make a lesson clip, turn it into a proven ladder, let a worker bring it to three classes
	@$(CARGO) run --release --locked --quiet -- demo

test: install-test-packages ## run all tests
	$(CARGO) test --locked

campaign: install-test-packages ## kill runs KILLS times, drop downloads DROPS times, cut the power CUTS times, try every order of ORDER_STEPS events, mutate MUTANTS recordings of each container (SEED=)
	REELMILL_ORDER_STEPS=$(ORDER_STEPS) $(CARGO) test --locked --lib -- b6_ --nocapture
	REELMILL_KILLS=$(KILLS) REELMILL_DROPS=$(DROPS) REELMILL_CUTS=$(CUTS) REELMILL_STEP=1 REELMILL_SEED=$(SEED) \
		$(CARGO) test --locked --test integration -- kill::a_ random_ every_durable_call at_any_call power_cut \
		worker_kill:: worker::killed:: --nocapture
	REELMILL_MEDIA_MUTANTS=$(MUTANTS) REELMILL_SEED=$(SEED) $(CARGO) test --locked --test integration -- m19_ --nocapture
	REELMILL_TRANSCODES=$(TRANSCODES) $(CARGO) test --locked --test leak -- --nocapture

fuzz: install-test-packages ## fuzz what understands messages and recordings, FUZZ_SECONDS each (needs a nightly compiler)
	@CARGO='$(CARGO)' sh scripts/fuzz.sh message $(FUZZ_SECONDS)
	@CARGO='$(CARGO)' sh scripts/fuzz.sh media $(FUZZ_SECONDS)

asan: install-test-packages ## run the trap tests under AddressSanitizer (needs a nightly compiler)
	@CARGO='$(CARGO)' sh scripts/asan.sh $(TRAPS)

build: install-build-packages ## build the release binary, target/release/reelmill
	$(CARGO) build --release --locked

bench: install-build-packages ## measure what runs beside the codecs, the store, and messages (criterion)
	$(CARGO) bench --locked --bench beside_the_codecs --bench store --bench message

bench-cache: install-build-packages ## how long a cache of 100,000 files takes to start, and to say yes
	$(CARGO) bench --locked --bench cache

bench-worker: build install-test-packages ## how fast the daemon takes bookings, and starts (RUNS=)
	python3 benches/worker.py --runs $(RUNS) --folder target/worker --json target/worker/figures.json

bench-rate: install-build-packages ## how exactly downloads keep their common rate (two minutes)
	$(CARGO) bench --locked --bench download_rate

bench-ffmpeg: build install-test-packages ## compare with ffmpeg, side by side (CLIP=a 720p file, FFMPEGS=, RUNS=)
	python3 benches/against_ffmpeg.py --clip '$(CLIP)' --ffmpeg ffmpeg $(FFMPEGS:%=--ffmpeg %) --runs $(RUNS) \
		--folder target/against_ffmpeg --json target/against_ffmpeg/figures.json

bench-chunks: build install-test-packages ## what chunks cost in quality, as BD-rate (CLIPS=recordings)
	python3 benches/bd_rate.py $(CLIPS:%=--clip %) --folder target/bd_rate --json target/bd_rate/figures.json

bench-download: build install-test-packages ## how near downloads keep to a limit, and their speed, beside wget and curl (RUNS=)
	python3 benches/download.py --runs $(RUNS) --folder target/download --json target/download/figures.json

lint: install-build-packages ## check formatting, clippy and the documentation
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps

install-build-packages: ## install what building needs (sudo where not root)
	@sh scripts/install-packages.sh build

install-test-packages: ## install what building and testing need
	@sh scripts/install-packages.sh test
