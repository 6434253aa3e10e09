# The commands of this project. `make help` lists them.
# Caches lie in $XDG_CACHE_HOME/vpath; a clone needs nothing but Debian's packages, PyPI and the Swift toolchain.

SHELL := /bin/bash
PREFIX ?= /usr/local
DESTDIR ?=
DATA ?=
JOBS ?= $(shell nproc)
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/vpath
RELEASE := .build/release
SWIFT_RELEASE := swift build -c release --static-swift-stdlib --jobs $(JOBS)
PROGRAMS := vpathd vpath vpath-tools vpath-launch
export SWIFT_BACKTRACE ?= enable=no

.PHONY: help demo test build bench lint schemas format install uninstall clean packages assets

help: ## Show this list.
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

demo: ## Install what is missing, build, and answer a question about a real slide.
	@packaging/demo

packages:
	@packaging/ensure-swift
	@packaging/ensure-packages packaging/debian-packages.txt

assets: packages
	@packaging/build-llama-server
	@packaging/fetch-assets

build: packages ## Build the release programs into .build/release.
	@echo "Building (the first time ten to thirty minutes on two cores, 4 GB of disk)…" >&2
	@for program in $(PROGRAMS); do $(SWIFT_RELEASE) --product $$program 2>&1 | packaging/build-output || exit 1; done

test: packages assets ## Unit, property, simulation and end-to-end tests.
	@packaging/ensure-packages packaging/debian-packages-test.txt
	@packaging/run-tests

lint: packages ## Format, imports against rooms, schemas against code, words that do not belong here.
	@packaging/lint

schemas: ## Write schemas/ and docs/rpc.md from the declared methods.
	@swift run --quiet vpath schemas --write .

format: ## Format every Swift file.
	@swift format -i -r --parallel Sources Tests Package.swift

bench: assets ## Measure, each figure beside its peer in the same run. DATA=DIR adds labelled images, BENCH='…' flags of bench/run.
	@bench/run $(if $(DATA),--data "$(DATA)") $(BENCH)

install: build assets ## Install under PREFIX (default /usr/local).
	@packaging/install "$(DESTDIR)$(PREFIX)" "$(PREFIX)"

uninstall: ## Remove what install put under PREFIX; traces and configuration stay.
	@packaging/uninstall "$(DESTDIR)$(PREFIX)"

clean: ## Remove build products; caches and traces stay.
	rm -rf .build .build-*
